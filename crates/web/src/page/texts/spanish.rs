//! Spanish.

use broker::failure::FailureCode as F;

use super::{Advice, Failures, Logout, Named, PerFailure, Said, Texts, Unrouted, Who};

/// Spanish.
pub(in crate::page) const SPANISH: Texts = Texts {
    sign_in: "Iniciar sesión",
    choose: "Elija cómo iniciar sesión",
    purpose: "para acceder a {application}",
    email: "Correo electrónico",
    continue_: "Continuar",
    or: "o inicie sesión con",
    unrouted: Unrouted {
        with_buttons: "Con esta dirección no se puede iniciar sesión aquí. Compruebe que esté \
                       bien escrita, pruebe con otra o elija una opción más abajo.",
        alone: "Con esta dirección no se puede iniciar sesión aquí. Compruebe que esté bien \
                escrita o pruebe con otra.",
    },
    signing_in: "Iniciando sesión",
    one_moment: "Un momento, por favor.",
    no_script: "Su navegador no ejecuta scripts aquí. Pulse el botón para continuar.",
    failed: "No se pudo iniciar sesión",
    advice: Advice {
        tell: "Usted no puede resolver este problema por su cuenta. Envíe los datos que figuran \
               abajo a {who}.",
        retry: "Si al intentarlo de nuevo no funciona, envíe los datos que figuran abajo a {who}.",
    },
    details: "Detalles",
    details_for: "Para {who}",
    support_code: "Código de soporte",
    time: "Fecha y hora",
    reason: "Motivo",
    try_again: "Intentar de nuevo",
    return_to: Named { known: "Volver a {application}", unknown: "Volver a la aplicación" },
    start_again: "Empezar de nuevo",
    start_again_hint: Named {
        known: "Empiece de nuevo para iniciar sesión en {application}.",
        unknown: "Empiece de nuevo para iniciar sesión.",
    },
    open_application: Named {
        known: "Abra {application} e inicie sesión desde allí.",
        unknown: "Abra la aplicación que quiera usar e inicie sesión desde allí.",
    },
    unavailable: Said {
        title: "Volvemos en un momento",
        sentence: "En este momento no es posible iniciar sesión. El servicio se recuperará por \
                   sí solo: vuelva a cargar esta página dentro de unos segundos.",
    },
    internal: Said {
        title: "Algo salió mal",
        sentence: "Se produjo un error en el servicio de inicio de sesión y quedó registrado allí.",
    },
    internal_hint: "Inténtelo de nuevo desde la aplicación que quiera usar.",
    not_found: Said {
        title: "Esta página no existe",
        sentence: "Puede que la dirección esté mal escrita o ya no sea válida.",
    },
    not_found_hint: "Para iniciar sesión, abra la aplicación que quiera usar.",
    misdirected: Said {
        title: "Esta no es la dirección correcta",
        sentence: "El servicio de inicio de sesión no responde al nombre que figura en la \
                   dirección.",
    },
    misdirected_hint: "Para iniciar sesión, abra la aplicación que quiera usar. Para quienes \
                       gestionan el servicio: el proxy que está delante debe transmitir la \
                       cabecera Host sin cambios.",
    too_many: Said {
        title: "Espere un momento",
        sentence: "Acaban de fallar demasiados inicios de sesión desde su red. Inténtelo de \
                   nuevo dentro de unos segundos.",
    },
    busy: Said {
        title: "Volvemos en un momento",
        sentence: "Muchísimas personas están iniciando sesión en este momento. Vuelva a cargar \
                   esta página dentro de unos segundos.",
    },
    unreadable: Said {
        title: "No se pudo iniciar sesión",
        sentence: "Lo que envió su navegador es demasiado grande, llegó demasiado despacio o no \
                   se puede leer.",
    },
    logout: Logout {
        ask: "¿Quiere cerrar la sesión?",
        ask_sentence: Named {
            known: "Se cerrará su sesión aquí y después volverá a {application}.",
            unknown: "Se cerrará su sesión aquí.",
        },
        button: "Cerrar sesión",
        otherwise: "Si no quiere hacerlo, cierre esta página. Todavía no ha ocurrido nada.",
        done: "Sesión cerrada",
        done_sentence: "En este navegador no hay ninguna sesión iniciada aquí.",
        elsewhere: "Es posible que su sesión siga abierta en el directorio con el que inició \
                    sesión. En un equipo que usen otras personas, cierre también allí la sesión o \
                    cierre el navegador.",
        unregistered: "La aplicación quería llevarle a una dirección que no está registrada aquí \
                       para ella.",
    },
    failures: Failures { titles: TITLES, sentences: SENTENCES, mends: MENDS },
    who: Who {
        staff: Named {
            known: "las personas de {tenant} que se ocupan del inicio de sesión",
            unknown: "las personas que se ocupan del inicio de sesión",
        },
        directory_admin: "la administración del directorio con el que inicia sesión",
        application_admin: Named {
            known: "la administración de {application}",
            unknown: "la administración de la aplicación",
        },
        operator: "quienes gestionan este servicio de inicio de sesión",
    },
    help: "Ayuda para iniciar sesión",
    broken: "Algo salió mal al crear esta página. Inténtelo de nuevo.",
};

const TITLES: PerFailure = &[
    (F::TestLinkInvalid, "Este enlace de prueba no funciona"),
    (F::AttemptMissing, "Empecemos de nuevo"),
    (F::AttemptExpired, "Esto tardó demasiado"),
    (F::AttemptOutdated, "Empecemos de nuevo"),
    (F::AttemptUsed, "Ya ha pasado por aquí"),
    (F::DirectoryLoginRequired, "Inicie sesión, por favor"),
];

const SENTENCES: PerFailure = &[
    (F::ApplicationUnknown, "La aplicación no está registrada aquí o está desactivada."),
    (F::ApplicationDisabled, "La aplicación está desactivada."),
    (F::TenantSuspended, "El inicio de sesión está suspendido para esta organización."),
    (
        F::RedirectUriUnknown,
        "La aplicación pidió llevarle a una dirección que no está registrada para ella.",
    ),
    (F::RequestInvalid, "La solicitud de la aplicación incumple una regla del protocolo."),
    (
        F::RequestTooLarge,
        "La solicitud de la aplicación es demasiado grande para guardarla en este momento.",
    ),
    (
        F::SignInLoop,
        "La aplicación devuelve el navegador una y otra vez a un nuevo inicio de sesión, casi \
         siempre porque su cookie no se guarda.",
    ),
    (F::DirectoryNone, "Ningún directorio de la organización está activo."),
    (
        F::DirectoryNotAllowed,
        "La aplicación no admite a las personas de este directorio, o no admite a las de ningún \
         directorio activo.",
    ),
    (
        F::DomainUnrouted,
        "El dominio de la dirección de correo no conduce a ningún directorio activo de esta aplicación.",
    ),
    (
        F::DomainUnproven,
        "El dominio de la dirección de correo pertenece a un directorio, pero la organización no \
         ha demostrado que el dominio sea suyo.",
    ),
    (F::DirectoryPaused, "El directorio no está activo."),
    (
        F::DirectoryHostUnknown,
        "El servidor que figura en la dirección del directorio no existe: su nombre no conduce a \
         ninguna dirección.",
    ),
    (
        F::DirectoryUnreachable,
        "No se pudo contactar con el directorio, o este no respondió a tiempo o respondió que no \
         está disponible en este momento.",
    ),
    (
        F::DirectoryCertificate,
        "El certificado TLS del directorio no es válido: ha caducado, es para otro nombre o \
         procede de una autoridad en la que no se confía.",
    ),
    (
        F::EgressBlocked,
        "La dirección del directorio lleva a una red privada o no usa HTTPS en el puerto 443 u \
         8443, y las reglas para las conexiones salientes no lo permiten.",
    ),
    (
        F::DiscoveryNotFound,
        "No hay documento de descubrimiento donde lo indica el emisor del directorio.",
    ),
    (F::DiscoveryInvalid, "No se pudo interpretar el documento de descubrimiento del directorio."),
    (F::KeysInvalid, "No se pudo interpretar el conjunto de claves del directorio."),
    (F::IssuerMismatch, "El directorio indica un emisor distinto del que está configurado."),
    (
        F::DirectoryMoved,
        "El documento de descubrimiento del directorio lleva a servidores distintos de los de \
         los primeros inicios de sesión.",
    ),
    (F::TestLinkInvalid, "Ya se usó, tiene más de 15 minutos o es para otro directorio."),
    (
        F::StaffSignInOff,
        "El equipo de la organización no puede acceder al panel de administración con este \
         directorio.",
    ),
    (
        F::StaffNotConnected,
        "Este inicio de sesión no está vinculado a ninguna cuenta del equipo, o el directorio \
         cambió de proveedor desde entonces.",
    ),
    (
        F::AttemptMissing,
        "Este inicio de sesión comenzó en otro navegador, o este navegador no guardó la cookie \
         correspondiente.",
    ),
    (
        F::AttemptExpired,
        "Un inicio de sesión debe completarse en 14 minutos. El suyo estuvo abierto más tiempo.",
    ),
    (F::AttemptOutdated, "La forma de iniciar sesión cambió mientras usted lo hacía."),
    (
        F::AttemptUsed,
        "Este inicio de sesión ya se completó. Se cargó una página dos veces o se usó el botón \
         Atrás.",
    ),
    (
        F::CallbackInvalid,
        "A la respuesta del directorio al navegador le falta lo que exige el protocolo.",
    ),
    (
        F::CallbackIssuerMismatch,
        "La respuesta vino de un emisor distinto del que se consultó, o no indica de cuál vino.",
    ),
    (F::DirectoryRefused, "El directorio rechazó el inicio de sesión, o este se canceló allí."),
    (F::DirectoryNotAssigned, "Su cuenta no está asignada a esta aplicación en el directorio."),
    (
        F::DirectoryConsentRequired,
        "El directorio no deja entrar a nadie hasta que su administración apruebe la aplicación.",
    ),
    (
        F::DirectoryScopeRefused,
        "El directorio no permite uno de los ámbitos (scopes) que se le piden.",
    ),
    (
        F::DirectoryFlowRefused,
        "El directorio no permite a esta aplicación el flujo de código de autorización.",
    ),
    (
        F::DirectoryRequestRefused,
        "El directorio considera que la solicitud de autorización no es válida.",
    ),
    (
        F::DirectoryLoginRequired,
        "La aplicación intentó iniciar su sesión sin preguntarle, pero usted todavía no ha \
         iniciado sesión.",
    ),
    (
        F::DirectoryCredentialsWrong,
        "El directorio no acepta el identificador de cliente y el secreto que están configurados \
         para él.",
    ),
    (F::DirectorySecretExpired, "El secreto de cliente del directorio ha caducado."),
    (
        F::DirectoryCredentialsMethod,
        "El directorio espera recibir el secreto de cliente de una forma distinta de la que se \
         usó.",
    ),
    (
        F::DirectoryKeyUnknown,
        "El directorio no acepta la clave con la que el servicio de inicio de sesión se identifica \
         ante él (`private_key_jwt`).",
    ),
    (F::DirectoryCodeRefused, "El directorio no aceptó su propio código de autorización."),
    (
        F::TokenResponseInvalid,
        "El punto de conexión de tokens del directorio respondió con algo que no es una respuesta \
         de token.",
    ),
    (
        F::IdTokenMissing,
        "El directorio respondió con tokens, ninguno de los cuales es un token de identidad.",
    ),
    (F::IdTokenMalformed, "El token de identidad del directorio no está bien formado."),
    (F::IdTokenEncrypted, "El directorio cifra sus tokens de identidad, lo que no se admite."),
    (F::IdTokenType, "El directorio envió otro tipo de token en lugar de un token de identidad."),
    (
        F::IdTokenAlgorithm,
        "El directorio firmó el token de identidad con un algoritmo que no tiene permitido.",
    ),
    (
        F::IdTokenKeyUnknown,
        "El directorio firmó el token de identidad con una clave que no publica.",
    ),
    (F::IdTokenSignature, "La firma del token de identidad del directorio es incorrecta."),
    (
        F::IdTokenIssuer,
        "El token de identidad procede de un emisor distinto del que indica el documento de \
         descubrimiento del directorio.",
    ),
    (
        F::TenantNotAllowed,
        "Usted pertenece a una organización de Microsoft (inquilino) cuyos miembros no pueden \
         iniciar sesión aquí.",
    ),
    (
        F::HostedDomainNotAllowed,
        "Su cuenta de Google no pertenece a ninguna organización cuyos miembros puedan iniciar \
         sesión aquí.",
    ),
    (
        F::GuestNotAllowed,
        "Su cuenta es de invitado en el directorio, y los invitados no pueden iniciar sesión aquí.",
    ),
    (
        F::GroupsIncomplete,
        "Usted pertenece a tantos grupos que el directorio los omitió todos, pero la asignación de \
         atributos los necesita.",
    ),
    (
        F::IdTokenAudience,
        "El token de identidad se emitió para otra aplicación del directorio, o para varias sin \
         indicar para cuál.",
    ),
    (F::IdTokenNonce, "El token de identidad no corresponde a este inicio de sesión."),
    (F::IdTokenExpired, "El token de identidad ha caducado o todavía no es válido."),
    (F::IdTokenHash, "El token de identidad no corresponde al token de acceso que llegó con él."),
    (
        F::UserinfoInvalid,
        "El punto de conexión userinfo del directorio no devolvió datos de la persona.",
    ),
    (
        F::UserinfoSigned,
        "El punto de conexión userinfo del directorio responde con un token firmado o cifrado en \
         lugar de JSON.",
    ),
    (
        F::UserinfoSubjectMismatch,
        "Los datos de userinfo son de una persona distinta de la del token de identidad.",
    ),
    (
        F::AuthenticationTooOld,
        "La aplicación pidió un inicio de sesión nuevo y el directorio no confirmó ninguno.",
    ),
    (
        F::OtherPerson,
        "Ha iniciado sesión con una cuenta distinta de la que se usaba antes en la aplicación.",
    ),
    (F::ProfileFailed, "Falló una fila de la asignación de atributos del perfil del directorio."),
    (F::ReleaseFailed, "Falló una fila de la asignación de atributos de la aplicación."),
    (
        F::ClaimMissing,
        "Una fila de una asignación de atributos que debe tener un valor no \
         tiene ninguno.",
    ),
    (
        F::ClaimContractUnmet,
        "La aplicación exige un dato sobre usted que falta o que es de otro tipo.",
    ),
    (
        F::ScopeMissing,
        "La aplicación exige un dato, pero no pide el ámbito (scope) que lo incluye.",
    ),
    (
        F::EmailUntrusted,
        "La aplicación exige la dirección de correo, pero no está demostrado que la suya le \
         pertenezca.",
    ),
    (
        F::ExternalIdTaken,
        "El identificador externo previsto para su cuenta nueva ya pertenece a otra persona.",
    ),
    (F::UserBlocked, "Su cuenta está bloqueada aquí."),
    (
        F::DatabaseUnavailable,
        "El servicio de inicio de sesión no puede acceder a su base de datos en este momento.",
    ),
    (F::Internal, "Algo salió mal en el servicio de inicio de sesión."),
];

const MENDS: PerFailure = &[
    (
        F::AttemptMissing,
        "Empiece de nuevo desde la aplicación en este navegador, con las cookies permitidas.",
    ),
    (F::AttemptExpired, "Empiece de nuevo desde la aplicación."),
    (F::AttemptOutdated, "Empiece de nuevo desde la aplicación."),
    (F::AttemptUsed, "Vaya a la aplicación. Si no le reconoce, empiece de nuevo."),
    (F::DirectoryLoginRequired, "Inicie sesión desde la aplicación."),
    (
        F::OtherPerson,
        "Inicie sesión con la cuenta que la aplicación conoce, o cierre antes la sesión en la \
         aplicación.",
    ),
];
