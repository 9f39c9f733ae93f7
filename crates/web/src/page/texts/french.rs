//! French.

use broker::failure::FailureCode as F;

use super::{Advice, Failures, Logout, Named, PerFailure, Said, Texts, Unrouted, Who};

/// French.
pub(in crate::page) const FRENCH: Texts = Texts {
    sign_in: "Connexion",
    choose: "Choisissez comment vous connecter",
    purpose: "pour accéder à {application}",
    email: "Adresse e-mail",
    continue_: "Continuer",
    or: "ou se connecter avec",
    unrouted: Unrouted {
        with_buttons: "Cette adresse ne permet pas de se connecter ici. Vérifiez qu’elle est bien \
                       saisie, essayez-en une autre ou choisissez une option ci-dessous.",
        alone: "Cette adresse ne permet pas de se connecter ici. Vérifiez qu’elle est bien saisie \
                ou essayez-en une autre.",
    },
    signing_in: "Connexion en cours",
    one_moment: "Un instant, s’il vous plaît.",
    no_script: "Votre navigateur n’exécute pas de scripts ici. Appuyez sur le bouton pour \
                continuer.",
    failed: "La connexion n’a pas abouti",
    advice: Advice {
        tell: "Vous ne pouvez pas résoudre ce problème vous-même. Veuillez envoyer les \
               informations ci-dessous à {who}.",
        retry: "Si un nouvel essai ne change rien, veuillez envoyer les informations ci-dessous \
                à {who}.",
    },
    details: "Détails",
    details_for: "Pour {who}",
    support_code: "Code d’assistance",
    time: "Date et heure",
    reason: "Motif",
    try_again: "Réessayer",
    return_to: Named { known: "Revenir à {application}", unknown: "Revenir à l’application" },
    start_again: "Recommencer",
    start_again_hint: Named {
        known: "Recommencez pour vous connecter à {application}.",
        unknown: "Recommencez pour vous connecter.",
    },
    open_application: Named {
        known: "Ouvrez {application} et connectez-vous à partir de là.",
        unknown: "Ouvrez l’application que vous souhaitez utiliser et connectez-vous à partir de \
                  là.",
    },
    unavailable: Said {
        title: "De retour dans un instant",
        sentence: "La connexion est impossible pour le moment. Le service se rétablira de \
                   lui-même\u{a0}: veuillez recharger cette page dans quelques secondes.",
    },
    internal: Said {
        title: "Un problème est survenu",
        sentence: "Un problème est survenu dans le service de connexion et y a été enregistré.",
    },
    internal_hint: "Veuillez réessayer à partir de l’application que vous souhaitez utiliser.",
    not_found: Said {
        title: "Cette page n’existe pas",
        sentence: "L’adresse est peut-être mal saisie, ou elle n’est plus valable.",
    },
    not_found_hint: "Pour vous connecter, ouvrez l’application que vous souhaitez utiliser.",
    misdirected: Said {
        title: "Ce n’est pas la bonne adresse",
        sentence: "Le service de connexion n’est pas connu sous le nom qui figure dans l’adresse.",
    },
    misdirected_hint: "Pour vous connecter, ouvrez l’application que vous souhaitez utiliser. À \
                       l’attention de l’exploitant du service\u{a0}: le proxy placé devant doit \
                       transmettre l’en-tête Host sans le modifier.",
    too_many: Said {
        title: "Veuillez patienter un instant",
        sentence: "Trop de connexions depuis votre réseau viennent d’échouer. Veuillez réessayer \
                   dans quelques secondes.",
    },
    busy: Said {
        title: "De retour dans un instant",
        sentence: "Un très grand nombre de personnes se connectent en ce moment. Veuillez \
                   recharger cette page dans quelques secondes.",
    },
    unreadable: Said {
        title: "La connexion n’a pas abouti",
        sentence: "Ce que votre navigateur a envoyé est trop volumineux, est arrivé trop \
                   lentement ou est illisible.",
    },
    logout: Logout {
        ask: "Voulez-vous vous déconnecter\u{a0}?",
        ask_sentence: Named {
            known: "Votre session ici prendra fin, puis vous reviendrez à {application}.",
            unknown: "Votre session ici prendra fin.",
        },
        button: "Se déconnecter",
        otherwise: "Si vous ne le souhaitez pas, fermez cette page. Rien n’a encore été fait.",
        done: "Déconnexion effectuée",
        done_sentence: "Personne n’est connecté ici dans ce navigateur.",
        elsewhere: "Votre session est peut-être encore ouverte dans l’annuaire que vous avez \
                    utilisé pour vous connecter. Sur un ordinateur partagé, déconnectez-vous aussi \
                    de cet annuaire ou fermez le navigateur.",
        unregistered: "L’application voulait vous rediriger vers une adresse qui n’est pas \
                       enregistrée ici pour elle.",
    },
    failures: Failures { titles: TITLES, sentences: SENTENCES, mends: MENDS },
    who: Who {
        staff: Named {
            known: "l’équipe chargée des connexions chez {tenant}",
            unknown: "l’équipe chargée des connexions",
        },
        directory_admin: "l’administration de l’annuaire que vous utilisez pour vous connecter",
        application_admin: Named {
            known: "l’administration de l’application {application}",
            unknown: "l’administration de l’application",
        },
        operator: "l’exploitant de ce service de connexion",
    },
    help: "Aide à la connexion",
    broken: "Un problème est survenu lors de l’affichage de cette page. Veuillez réessayer.",
};

const TITLES: PerFailure = &[
    (F::TestLinkInvalid, "Ce lien de test ne fonctionne pas"),
    (F::AttemptMissing, "Reprenons depuis le début"),
    (F::AttemptExpired, "Cela a pris trop de temps"),
    (F::AttemptOutdated, "Reprenons depuis le début"),
    (F::AttemptUsed, "Cette page a déjà servi"),
    (F::DirectoryLoginRequired, "Veuillez vous connecter"),
];

const SENTENCES: PerFailure = &[
    (F::ApplicationUnknown, "L’application n’est pas enregistrée ici, ou elle est désactivée."),
    (F::ApplicationDisabled, "L’application est désactivée."),
    (F::TenantSuspended, "La connexion est suspendue pour cette organisation."),
    (
        F::RedirectUriUnknown,
        "L’application a demandé à vous rediriger vers une adresse qui n’est pas enregistrée pour \
         elle.",
    ),
    (F::RequestInvalid, "La demande de l’application enfreint une règle du protocole."),
    (
        F::RequestTooLarge,
        "La demande de l’application est trop volumineuse pour être conservée en ce moment.",
    ),
    (
        F::SignInLoop,
        "L’application renvoie sans cesse le navigateur vers une nouvelle connexion, le plus \
         souvent parce que son cookie n’est pas conservé.",
    ),
    (F::DirectoryNone, "Aucun annuaire de l’organisation n’est actif."),
    (
        F::DirectoryNotAllowed,
        "L’application n’admet pas les personnes de cet annuaire, ou n’admet celles d’aucun \
         annuaire actif.",
    ),
    (
        F::DomainUnrouted,
        "Le domaine de l’adresse e-mail ne mène à aucun annuaire actif de cette application.",
    ),
    (
        F::DomainUnproven,
        "Le domaine de l’adresse e-mail appartient à un annuaire, mais l’organisation n’a pas \
         prouvé que ce domaine est le sien.",
    ),
    (F::DirectoryPaused, "L’annuaire n’est pas actif."),
    (
        F::DirectoryHostUnknown,
        "Le serveur indiqué dans l’adresse de l’annuaire n’existe pas\u{a0}: son nom ne mène à aucune adresse.",
    ),
    (
        F::DirectoryUnreachable,
        "L’annuaire n’a pas pu être joint, n’a pas répondu à temps ou a répondu qu’il n’est pas \
         disponible pour le moment.",
    ),
    (
        F::DirectoryCertificate,
        "Le certificat TLS de l’annuaire n’est pas valide\u{a0}: il a expiré, il est établi pour \
         un autre nom ou il provient d’une autorité qui n’est pas reconnue.",
    ),
    (
        F::EgressBlocked,
        "L’adresse de l’annuaire mène à un réseau privé ou n’utilise pas HTTPS sur le port 443 ou \
         8443, ce que les règles applicables aux connexions sortantes interdisent.",
    ),
    (
        F::DiscoveryNotFound,
        "Il n’y a pas de document de découverte là où l’émetteur de l’annuaire l’indique.",
    ),
    (F::DiscoveryInvalid, "Le document de découverte de l’annuaire n’a pas pu être interprété."),
    (F::KeysInvalid, "Le jeu de clés de l’annuaire n’a pas pu être interprété."),
    (F::IssuerMismatch, "L’annuaire indique un autre émetteur que celui qui est configuré."),
    (
        F::DirectoryMoved,
        "Le document de découverte de l’annuaire mène à d’autres serveurs que lors des premières \
         connexions.",
    ),
    (
        F::TestLinkInvalid,
        "Il a déjà été utilisé, date de plus de 15 minutes ou concerne un autre annuaire.",
    ),
    (
        F::StaffSignInOff,
        "L’équipe de l’organisation ne peut pas accéder au tableau de bord avec cet annuaire.",
    ),
    (
        F::StaffNotConnected,
        "Cette connexion n’est associée à aucun compte de l’équipe, ou l’annuaire est passé depuis \
         à un autre fournisseur.",
    ),
    (
        F::AttemptMissing,
        "Cette connexion a commencé dans un autre navigateur, ou ce navigateur n’a pas conservé le \
         cookie correspondant.",
    ),
    (
        F::AttemptExpired,
        "Une connexion doit être terminée en 14 minutes. La vôtre est restée ouverte plus \
         longtemps.",
    ),
    (
        F::AttemptOutdated,
        "La façon de se connecter a été modifiée pendant que vous vous connectiez.",
    ),
    (
        F::AttemptUsed,
        "Cette connexion est déjà terminée. Une page a été chargée deux fois, ou le bouton \
         Précédent a été utilisé.",
    ),
    (
        F::CallbackInvalid,
        "La réponse de l’annuaire au navigateur ne contient pas ce que le protocole exige.",
    ),
    (
        F::CallbackIssuerMismatch,
        "La réponse vient d’un autre émetteur que celui qui a été interrogé, ou n’indique pas de \
         quel émetteur elle vient.",
    ),
    (F::DirectoryRefused, "L’annuaire a refusé la connexion, ou elle y a été annulée."),
    (
        F::DirectoryNotAssigned,
        "Votre compte n’est pas affecté à cette application dans l’annuaire.",
    ),
    (
        F::DirectoryConsentRequired,
        "L’annuaire ne laisse entrer personne tant que son administration n’a pas approuvé \
         l’application.",
    ),
    (F::DirectoryScopeRefused, "L’annuaire n’autorise pas l’un des scopes qui lui sont demandés."),
    (
        F::DirectoryFlowRefused,
        "L’annuaire n’autorise pas le flux par code d’autorisation pour cette application.",
    ),
    (F::DirectoryRequestRefused, "L’annuaire juge la demande d’autorisation invalide."),
    (
        F::DirectoryLoginRequired,
        "L’application a essayé de vous connecter sans rien vous demander, mais vous n’avez pas \
         encore ouvert de session.",
    ),
    (
        F::DirectoryCredentialsWrong,
        "L’annuaire n’accepte pas l’identifiant client et le secret qui sont configurés pour lui.",
    ),
    (F::DirectorySecretExpired, "Le secret client de l’annuaire a expiré."),
    (
        F::DirectoryCredentialsMethod,
        "L’annuaire attend le secret client d’une autre manière que celle dont il a été envoyé.",
    ),
    (
        F::DirectoryKeyUnknown,
        "L’annuaire n’accepte pas la clé avec laquelle le service de connexion s’identifie auprès \
         de lui (`private_key_jwt`).",
    ),
    (F::DirectoryCodeRefused, "L’annuaire n’a pas accepté son propre code d’autorisation."),
    (
        F::TokenResponseInvalid,
        "Le point de terminaison des jetons de l’annuaire a renvoyé autre chose qu’une réponse \
         contenant des jetons.",
    ),
    (
        F::IdTokenMissing,
        "L’annuaire a répondu par des jetons dont aucun n’est un jeton d’identité.",
    ),
    (F::IdTokenMalformed, "Le jeton d’identité de l’annuaire est mal formé."),
    (
        F::IdTokenEncrypted,
        "L’annuaire chiffre ses jetons d’identité, ce qui n’est pas pris en charge.",
    ),
    (
        F::IdTokenType,
        "L’annuaire a envoyé un autre type de jeton à la place d’un jeton d’identité.",
    ),
    (
        F::IdTokenAlgorithm,
        "L’annuaire a signé le jeton d’identité avec un algorithme qui ne lui est pas permis.",
    ),
    (
        F::IdTokenKeyUnknown,
        "L’annuaire a signé le jeton d’identité avec une clé qu’il ne publie pas.",
    ),
    (F::IdTokenSignature, "La signature du jeton d’identité de l’annuaire est incorrecte."),
    (
        F::IdTokenIssuer,
        "Le jeton d’identité provient d’un autre émetteur que celui qu’indique le document de \
         découverte de l’annuaire.",
    ),
    (
        F::TenantNotAllowed,
        "Vous faites partie d’une organisation Microsoft (tenant) dont les membres ne peuvent pas \
         se connecter ici.",
    ),
    (
        F::HostedDomainNotAllowed,
        "Votre compte Google ne fait partie d’aucune organisation dont les membres peuvent se \
         connecter ici.",
    ),
    (
        F::GuestNotAllowed,
        "Votre compte est celui d’un invité de l’annuaire, et les invités ne peuvent pas se \
         connecter ici.",
    ),
    (
        F::GroupsIncomplete,
        "Vous faites partie de tant de groupes que l’annuaire les a tous omis, alors que la mise \
         en correspondance en a besoin.",
    ),
    (
        F::IdTokenAudience,
        "Le jeton d’identité a été émis pour une autre application de l’annuaire, ou pour \
         plusieurs sans préciser laquelle.",
    ),
    (F::IdTokenNonce, "Le jeton d’identité ne correspond pas à cette connexion."),
    (F::IdTokenExpired, "Le jeton d’identité a expiré ou n’est pas encore valable."),
    (F::IdTokenHash, "Le jeton d’identité ne correspond pas au jeton d’accès reçu avec lui."),
    (
        F::UserinfoInvalid,
        "Le point de terminaison userinfo de l’annuaire n’a pas fourni d’informations sur la \
         personne.",
    ),
    (
        F::UserinfoSigned,
        "Le point de terminaison userinfo de l’annuaire répond par un jeton signé ou chiffré au \
         lieu de JSON.",
    ),
    (
        F::UserinfoSubjectMismatch,
        "Les informations userinfo concernent une autre personne que le jeton d’identité.",
    ),
    (
        F::AuthenticationTooOld,
        "L’application a demandé une nouvelle connexion, et l’annuaire n’en a pas confirmé.",
    ),
    (
        F::OtherPerson,
        "Le compte utilisé pour cette connexion n’est pas celui qui était connecté auparavant dans \
         l’application.",
    ),
    (F::ProfileFailed, "Une ligne de la mise en correspondance du profil de l’annuaire a échoué."),
    (
        F::ReleaseFailed,
        "Une ligne de la mise en correspondance des données de l’application a échoué.",
    ),
    (
        F::ClaimMissing,
        "Une ligne d’une mise en correspondance qui doit avoir une valeur \
         n’en a pas.",
    ),
    (
        F::ClaimContractUnmet,
        "L’application exige une information sur vous qui manque ou qui est d’un autre type.",
    ),
    (F::ScopeMissing, "L’application exige une donnée sans demander le scope qui la fournit."),
    (
        F::EmailUntrusted,
        "L’application exige l’adresse e-mail, et rien ne prouve que la vôtre vous appartient.",
    ),
    (
        F::ExternalIdTaken,
        "L’identifiant externe prévu pour votre nouveau compte appartient déjà à quelqu’un \
         d’autre.",
    ),
    (F::UserBlocked, "Votre compte est bloqué ici."),
    (
        F::DatabaseUnavailable,
        "Le service de connexion n’arrive pas à joindre sa base de données pour le moment.",
    ),
    (F::Internal, "Un problème est survenu dans le service de connexion."),
];

const MENDS: PerFailure = &[
    (
        F::AttemptMissing,
        "Recommencez à partir de l’application dans ce navigateur, en autorisant les cookies.",
    ),
    (F::AttemptExpired, "Recommencez à partir de l’application."),
    (F::AttemptOutdated, "Recommencez à partir de l’application."),
    (F::AttemptUsed, "Allez dans l’application. Si elle ne vous reconnaît pas, recommencez."),
    (F::DirectoryLoginRequired, "Connectez-vous à partir de l’application."),
    (
        F::OtherPerson,
        "Connectez-vous avec le compte que l’application connaît, ou déconnectez-vous d’abord de \
         l’application.",
    ),
];
