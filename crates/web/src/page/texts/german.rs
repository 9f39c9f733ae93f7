//! German.

use broker::failure::FailureCode as F;

use super::{Advice, Failures, Logout, Named, PerFailure, Said, Texts, Unrouted, Who};

/// German.
pub(in crate::page) const GERMAN: Texts = Texts {
    sign_in: "Anmelden",
    choose: "Wie möchten Sie sich anmelden?",
    purpose: "Weiter zu {application}",
    email: "E-Mail-Adresse",
    continue_: "Weiter",
    or: "oder anmelden mit",
    unrouted: Unrouted {
        with_buttons: "Über diese E-Mail-Adresse ist hier keine Anmeldung möglich. Prüfen Sie die \
                       Schreibweise, versuchen Sie es mit einer anderen Adresse oder wählen Sie \
                       eine der Möglichkeiten unten aus.",
        alone: "Über diese E-Mail-Adresse ist hier keine Anmeldung möglich. Prüfen Sie die \
                Schreibweise oder versuchen Sie es mit einer anderen Adresse.",
    },
    signing_in: "Sie werden angemeldet",
    one_moment: "Einen Moment, bitte.",
    no_script: "Ihr Browser führt hier keine Skripte aus. Bitte klicken Sie auf die \
                Schaltfläche, um fortzufahren.",
    failed: "Sie konnten nicht angemeldet werden",
    advice: Advice {
        tell: "Das können Sie nicht selbst beheben. Bitte senden Sie die Angaben unten an {who}.",
        retry: "Wenn ein erneuter Versuch nicht hilft, senden Sie bitte die Angaben unten an \
                {who}.",
    },
    details: "Einzelheiten",
    details_for: "Für {who}",
    support_code: "Support-Code",
    time: "Zeitpunkt",
    reason: "Grund",
    try_again: "Erneut versuchen",
    return_to: Named { known: "Zurück zu {application}", unknown: "Zurück zur Anwendung" },
    start_again: "Neu beginnen",
    start_again_hint: Named {
        known: "Beginnen Sie neu, um sich bei {application} anzumelden.",
        unknown: "Beginnen Sie neu, um sich anzumelden.",
    },
    open_application: Named {
        known: "Öffnen Sie {application} und melden Sie sich von dort aus an.",
        unknown: "Öffnen Sie die Anwendung, die Sie nutzen möchten, und melden Sie sich von dort \
                  aus an.",
    },
    unavailable: Said {
        title: "Gleich geht es weiter",
        sentence: "Die Anmeldung ist gerade nicht möglich, wird aber von selbst wieder \
                   funktionieren. Bitte laden Sie diese Seite in einigen Sekunden neu.",
    },
    internal: Said {
        title: "Etwas ist schiefgegangen",
        sentence: "Im Anmeldedienst ist ein Fehler aufgetreten. Er wurde dort aufgezeichnet.",
    },
    internal_hint: "Bitte öffnen Sie die Anwendung, die Sie nutzen möchten, und versuchen Sie es \
                    von dort aus noch einmal.",
    not_found: Said {
        title: "Diese Seite gibt es nicht",
        sentence: "Die Adresse ist vielleicht falsch geschrieben oder veraltet.",
    },
    not_found_hint: "Um sich anzumelden, öffnen Sie die Anwendung, die Sie nutzen möchten.",
    misdirected: Said {
        title: "Das ist nicht die richtige Adresse",
        sentence: "Unter dem Namen in dieser Adresse ist der Anmeldedienst nicht bekannt.",
    },
    misdirected_hint: "Um sich anzumelden, öffnen Sie die Anwendung, die Sie nutzen möchten. An \
                       die Betreiber des Dienstes: Der vorgeschaltete Proxy muss den Host-Header \
                       unverändert weitergeben.",
    too_many: Said {
        title: "Bitte warten Sie einen Moment",
        sentence: "Aus Ihrem Netzwerk sind gerade zu viele Anmeldungen fehlgeschlagen. Bitte \
                   versuchen Sie es in einigen Sekunden noch einmal.",
    },
    busy: Said {
        title: "Gleich geht es weiter",
        sentence: "Im Moment melden sich sehr viele Menschen an. Bitte laden Sie diese Seite in \
                   einigen Sekunden neu.",
    },
    unreadable: Said {
        title: "Sie konnten nicht angemeldet werden",
        sentence: "Was Ihr Browser gesendet hat, ist zu groß, kam zu langsam an oder ist nicht \
                   lesbar.",
    },
    logout: Logout {
        ask: "Möchten Sie sich abmelden?",
        ask_sentence: Named {
            known: "Ihre Anmeldung hier wird beendet. Danach gelangen Sie zurück zu {application}.",
            unknown: "Ihre Anmeldung hier wird beendet.",
        },
        button: "Abmelden",
        otherwise: "Wenn Sie das nicht möchten, schließen Sie diese Seite. Bisher ist nichts \
                    geschehen.",
        done: "Sie sind abgemeldet",
        done_sentence: "Hier ist in diesem Browser niemand angemeldet.",
        elsewhere: "Bei dem Verzeichnis, über das Sie sich angemeldet haben, sind Sie \
                    möglicherweise noch angemeldet. Wenn auch andere diesen Computer nutzen, \
                    melden Sie sich dort ebenfalls ab oder schließen Sie den Browser.",
        unregistered: "Die Anwendung wollte Sie zu einer Adresse weiterleiten, die hier nicht \
                       für sie registriert ist.",
    },
    failures: Failures { titles: TITLES, sentences: SENTENCES, mends: MENDS },
    who: Who {
        staff: Named {
            known: "das Team, das bei {tenant} für die Anmeldung zuständig ist",
            unknown: "das Team, das für die Anmeldung zuständig ist",
        },
        directory_admin: "die Administration des Verzeichnisses, über das Sie sich anmelden",
        application_admin: Named {
            known: "die Administration von {application}",
            unknown: "die Administration der Anwendung",
        },
        operator: "die Betreiber dieses Anmeldedienstes",
    },
    help: "Hilfe bei der Anmeldung",
    broken: "Beim Erstellen dieser Seite ist etwas schiefgegangen. Bitte versuchen Sie es noch \
             einmal.",
};

const TITLES: PerFailure = &[
    (F::TestLinkInvalid, "Dieser Testlink funktioniert nicht"),
    (F::AttemptMissing, "Beginnen wir von vorn"),
    (F::AttemptExpired, "Das hat zu lange gedauert"),
    (F::AttemptOutdated, "Beginnen wir von vorn"),
    (F::AttemptUsed, "Hier waren Sie schon"),
    (F::DirectoryLoginRequired, "Bitte melden Sie sich an"),
];

const SENTENCES: PerFailure = &[
    (F::ApplicationUnknown, "Die Anwendung ist hier nicht registriert, oder sie ist abgeschaltet."),
    (F::ApplicationDisabled, "Die Anwendung ist abgeschaltet."),
    (F::TenantSuspended, "Die Anmeldung bei dieser Organisation ist zurzeit ausgesetzt."),
    (
        F::RedirectUriUnknown,
        "Die Anwendung wollte Sie zu einer Adresse weiterleiten, die nicht für sie registriert \
         ist.",
    ),
    (F::RequestInvalid, "Die Anfrage der Anwendung verstößt gegen eine Regel des Protokolls."),
    (
        F::RequestTooLarge,
        "Die Anfrage der Anwendung ist zu groß, um im Moment zwischengespeichert zu werden.",
    ),
    (
        F::SignInLoop,
        "Die Anwendung schickt den Browser immer wieder zur Anmeldung zurück, meist, weil ihr \
         Cookie nicht gespeichert wird.",
    ),
    (F::DirectoryNone, "Kein Verzeichnis der Organisation ist aktiv."),
    (
        F::DirectoryNotAllowed,
        "Die Anwendung lässt niemanden aus diesem Verzeichnis zu, oder niemanden aus einem der \
         aktiven Verzeichnisse.",
    ),
    (
        F::DomainUnrouted,
        "Die Domain der E-Mail-Adresse führt zu keinem aktiven Verzeichnis dieser Anwendung.",
    ),
    (
        F::DomainUnproven,
        "Die Domain der E-Mail-Adresse gehört zu einem Verzeichnis, aber die Organisation hat \
         nicht nachgewiesen, dass die Domain ihr gehört.",
    ),
    (F::DirectoryPaused, "Das Verzeichnis ist nicht aktiv."),
    (
        F::DirectoryHostUnknown,
        "Den Server, den die Adresse des Verzeichnisses nennt, gibt es nicht: Sein Name führt zu \
         keiner Adresse.",
    ),
    (
        F::DirectoryUnreachable,
        "Das Verzeichnis war nicht erreichbar, hat nicht rechtzeitig geantwortet oder hat \
         gemeldet, dass es zurzeit nicht verfügbar ist.",
    ),
    (
        F::DirectoryCertificate,
        "Das TLS-Zertifikat des Verzeichnisses ist ungültig: Es ist abgelaufen, gilt für einen \
         anderen Namen oder stammt von einer Stelle, der nicht vertraut wird.",
    ),
    (
        F::EgressBlocked,
        "Die Adresse des Verzeichnisses führt in ein privates Netz oder nutzt nicht HTTPS auf Port \
         443 oder 8443, und das verbieten die Regeln für ausgehende Verbindungen.",
    ),
    (
        F::DiscoveryNotFound,
        "Dort, wo es nach dem Aussteller des Verzeichnisses liegen müsste, gibt es kein \
         Discovery-Dokument.",
    ),
    (
        F::DiscoveryInvalid,
        "Das Discovery-Dokument des Verzeichnisses konnte nicht ausgewertet werden.",
    ),
    (F::KeysInvalid, "Der Schlüsselsatz des Verzeichnisses konnte nicht ausgewertet werden."),
    (
        F::IssuerMismatch,
        "Das Verzeichnis nennt einen anderen Aussteller als den, der eingestellt ist.",
    ),
    (
        F::DirectoryMoved,
        "Das Discovery-Dokument des Verzeichnisses führt zu anderen Servern als bei den ersten \
         Anmeldungen.",
    ),
    (
        F::TestLinkInvalid,
        "Er wurde schon verwendet, ist älter als 15 Minuten oder gilt für ein anderes Verzeichnis.",
    ),
    (
        F::StaffSignInOff,
        "Über dieses Verzeichnis kann sich das Team der Organisation nicht an der \
         Verwaltungsoberfläche anmelden.",
    ),
    (
        F::StaffNotConnected,
        "Diese Anmeldung ist mit keinem Konto aus dem Team verbunden, oder das Verzeichnis wurde \
         seitdem auf einen anderen Anbieter umgestellt.",
    ),
    (
        F::AttemptMissing,
        "Diese Anmeldung begann in einem anderen Browser, oder dieser Browser hat das Cookie dazu \
         nicht gespeichert.",
    ),
    (
        F::AttemptExpired,
        "Eine Anmeldung muss innerhalb von 14 Minuten abgeschlossen sein. Ihre war länger offen.",
    ),
    (
        F::AttemptOutdated,
        "Das Anmeldeverfahren wurde geändert, während Sie sich gerade angemeldet haben.",
    ),
    (
        F::AttemptUsed,
        "Diese Anmeldung ist bereits abgeschlossen. Eine Seite wurde zweimal geladen, oder die \
         Zurück-Taste wurde benutzt.",
    ),
    (
        F::CallbackInvalid,
        "In der Antwort des Verzeichnisses an den Browser fehlt, was das Protokoll verlangt.",
    ),
    (
        F::CallbackIssuerMismatch,
        "Die Antwort kam von einem anderen Aussteller als dem, der gefragt wurde, oder sie sagt \
         nicht, von welchem.",
    ),
    (
        F::DirectoryRefused,
        "Das Verzeichnis hat die Anmeldung abgelehnt, oder sie wurde dort abgebrochen.",
    ),
    (F::DirectoryNotAssigned, "Ihr Konto ist dieser Anwendung im Verzeichnis nicht zugewiesen."),
    (
        F::DirectoryConsentRequired,
        "Das Verzeichnis lässt niemanden herein, bevor seine Administration der Anwendung \
         zugestimmt hat.",
    ),
    (F::DirectoryScopeRefused, "Das Verzeichnis erlaubt einen der angeforderten Scopes nicht."),
    (
        F::DirectoryFlowRefused,
        "Das Verzeichnis erlaubt dieser Anwendung den Authorization-Code-Flow nicht.",
    ),
    (F::DirectoryRequestRefused, "Das Verzeichnis hält die Anfrage für ungültig."),
    (
        F::DirectoryLoginRequired,
        "Die Anwendung wollte Sie ohne Nachfrage anmelden, aber Sie sind noch nicht angemeldet.",
    ),
    (
        F::DirectoryCredentialsWrong,
        "Das Verzeichnis akzeptiert die Client-ID und das Client-Secret nicht, die dafür \
         eingestellt sind.",
    ),
    (F::DirectorySecretExpired, "Das Client-Secret des Verzeichnisses ist abgelaufen."),
    (
        F::DirectoryCredentialsMethod,
        "Das Verzeichnis erwartet das Client-Secret auf andere Weise, als es gesendet wurde.",
    ),
    (
        F::DirectoryKeyUnknown,
        "Das Verzeichnis akzeptiert den Schlüssel nicht, mit dem sich der Anmeldedienst dort \
         ausweist (`private_key_jwt`).",
    ),
    (
        F::DirectoryCodeRefused,
        "Das Verzeichnis hat seinen eigenen Autorisierungscode nicht angenommen.",
    ),
    (
        F::TokenResponseInvalid,
        "Der Token-Endpunkt des Verzeichnisses hat keine gültige Token-Antwort geliefert.",
    ),
    (F::IdTokenMissing, "Das Verzeichnis hat Tokens geschickt, von denen keines ein ID-Token ist."),
    (F::IdTokenMalformed, "Das ID-Token des Verzeichnisses ist nicht richtig aufgebaut."),
    (
        F::IdTokenEncrypted,
        "Das Verzeichnis verschlüsselt seine ID-Tokens, was nicht unterstützt wird.",
    ),
    (
        F::IdTokenType,
        "Das Verzeichnis hat statt eines ID-Tokens eine andere Art von Token gesendet.",
    ),
    (
        F::IdTokenAlgorithm,
        "Das Verzeichnis hat das ID-Token mit einem Verfahren signiert, das ihm nicht erlaubt ist.",
    ),
    (
        F::IdTokenKeyUnknown,
        "Das Verzeichnis hat das ID-Token mit einem Schlüssel signiert, den es nicht \
         veröffentlicht.",
    ),
    (F::IdTokenSignature, "Die Signatur des ID-Tokens des Verzeichnisses ist falsch."),
    (
        F::IdTokenIssuer,
        "Das ID-Token stammt von einem anderen Aussteller als dem, den das Discovery-Dokument des \
         Verzeichnisses nennt.",
    ),
    (
        F::TenantNotAllowed,
        "Sie gehören zu einer Microsoft-Organisation (Mandant), deren Mitglieder sich hier nicht \
         anmelden dürfen.",
    ),
    (
        F::HostedDomainNotAllowed,
        "Ihr Google-Konto gehört zu keiner Organisation, deren Mitglieder sich hier anmelden \
         dürfen.",
    ),
    (
        F::GuestNotAllowed,
        "Sie sind im Verzeichnis ein Gast, und Gäste dürfen sich hier nicht anmelden.",
    ),
    (
        F::GroupsIncomplete,
        "Sie gehören so vielen Gruppen an, dass das Verzeichnis sie alle weggelassen hat, aber die \
         Zuordnung braucht sie.",
    ),
    (
        F::IdTokenAudience,
        "Das ID-Token wurde für eine andere Anwendung des Verzeichnisses ausgestellt, oder für \
         mehrere, ohne zu sagen, für welche.",
    ),
    (F::IdTokenNonce, "Das ID-Token gehört nicht zu dieser Anmeldung."),
    (F::IdTokenExpired, "Das ID-Token ist abgelaufen oder noch nicht gültig."),
    (F::IdTokenHash, "Das ID-Token gehört nicht zu dem Zugriffstoken, das mit ihm kam."),
    (
        F::UserinfoInvalid,
        "Der Userinfo-Endpunkt des Verzeichnisses hat keine Angaben zur Person geliefert.",
    ),
    (
        F::UserinfoSigned,
        "Der Userinfo-Endpunkt des Verzeichnisses antwortet mit einem signierten oder verschlüsselten Token statt mit JSON.",
    ),
    (
        F::UserinfoSubjectMismatch,
        "Die Userinfo-Angaben betreffen eine andere Person als das ID-Token.",
    ),
    (
        F::AuthenticationTooOld,
        "Die Anwendung hat eine erneute Anmeldung verlangt, aber das Verzeichnis hat keine \
         bestätigt.",
    ),
    (
        F::OtherPerson,
        "Sie haben sich mit einem anderen Konto angemeldet als dem, das zuvor in der Anwendung \
         angemeldet war.",
    ),
    (F::ProfileFailed, "Eine Zeile der Profilzuordnung des Verzeichnisses ist fehlgeschlagen."),
    (F::ReleaseFailed, "Eine Zeile der Claim-Zuordnung der Anwendung ist fehlgeschlagen."),
    (F::ClaimMissing, "Eine Zeile einer Zuordnung, die einen Wert haben muss, hat keinen."),
    (
        F::ClaimContractUnmet,
        "Die Anwendung verlangt eine Angabe über Sie, die fehlt oder von einem anderen Typ ist.",
    ),
    (
        F::ScopeMissing,
        "Die Anwendung verlangt eine Angabe, fordert aber den Scope nicht an, der sie liefert.",
    ),
    (
        F::EmailUntrusted,
        "Die Anwendung verlangt die E-Mail-Adresse, aber für Ihre ist nicht nachgewiesen, dass sie \
         Ihnen gehört.",
    ),
    (
        F::ExternalIdTaken,
        "Die externe Kennung, die Sie als neue Person bekommen sollten, gehört bereits jemand \
         anderem.",
    ),
    (F::UserBlocked, "Ihr Konto ist hier gesperrt."),
    (F::DatabaseUnavailable, "Der Anmeldedienst erreicht im Moment seine Datenbank nicht."),
    (F::Internal, "Im Anmeldedienst ist etwas schiefgegangen."),
];

const MENDS: PerFailure = &[
    (
        F::AttemptMissing,
        "Beginnen Sie in diesem Browser von der Anwendung aus neu, und lassen Sie Cookies zu.",
    ),
    (F::AttemptExpired, "Beginnen Sie von der Anwendung aus neu."),
    (F::AttemptOutdated, "Beginnen Sie von der Anwendung aus neu."),
    (
        F::AttemptUsed,
        "Gehen Sie zur Anwendung. Wenn Sie dort nicht angemeldet sind, beginnen Sie neu.",
    ),
    (F::DirectoryLoginRequired, "Melden Sie sich von der Anwendung aus an."),
    (
        F::OtherPerson,
        "Melden Sie sich mit dem Konto an, das die Anwendung kennt, oder melden Sie sich zuerst \
         in der Anwendung ab.",
    ),
];
