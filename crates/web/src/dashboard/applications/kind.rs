//! What the presets of applications are called, and what their applications call things.

use broker::settings::ApplicationPreset;

/// A preset, in words.
pub(super) struct Kind {
    /// Which.
    pub(super) preset: ApplicationPreset,
    /// Its name in settings.
    pub(super) key: &'static str,
    /// The name of its applications, where they all have one.
    pub(super) title: &'static str,
    /// A sentence.
    pub(super) about: &'static str,
    /// What is proposed as the name that people see.
    pub(super) name: &'static str,
    /// What is proposed as its `client_id`.
    pub(super) client_id: &'static str,
    /// What its own screen calls the redirect URI.
    pub(super) address: &'static str,
    /// What that is, for somebody who adds the application.
    pub(super) while_adding: &'static str,
    /// What that is, for somebody who comes back from its screen.
    pub(super) afterwards: &'static str,
}

const IMIS: Kind = Kind {
    preset: ApplicationPreset::Imis,
    key: "imis",
    title: "iMIS",
    about: "Its screen OpenID Connect, field by field; external_id, names, and staff as 1.",
    name: "iMIS",
    client_id: "imis",
    address: "Redirect login URL",
    while_adding: "Leave it empty if you do not have it at hand: iMIS shows it on the screen that \
        you fill in next, and you paste it back here afterwards. It is the address of the site, \
        with https:// and the slash at its end.",
    afterwards: "As iMIS shows it on the same screen once that is saved: the address of the site, \
        with https:// and the slash at its end. iMIS's guide calls this box iMIS SSO Redirect URL.",
};

const IMC: Kind = Kind {
    preset: ApplicationPreset::Imc,
    key: "imc",
    title: "imc Learning Suite",
    about: "The four tabs of its OpenID Configuration; Login, names and e-mail as flat texts.",
    name: "imc Learning Suite",
    client_id: "imc",
    address: "Redirect URL",
    while_adding: "The address of the Learning Suite with /idm/oidc/login at its end; its address \
        for signing out, /idm/logoff, is registered with it. It may be left for later.",
    afterwards: "The address of the Learning Suite with /idm/oidc/login at its end; its address for \
        signing out, /idm/logoff, is registered with it. Both may be pasted at once.",
};

const GENERIC: Kind = Kind {
    preset: ApplicationPreset::Generic,
    key: "generic",
    title: "OpenID Connect",
    about: "Any other application: the code flow with PKCE, and the standard claims.",
    name: "",
    client_id: "",
    address: "Redirect URI",
    while_adding: "Where the application takes its answers, equal to the character. It may be left \
        for later.",
    afterwards: "Where the application takes its answers, equal to the character. It may be called \
        callback URL or reply URL there.",
};

/// All of them, in the order in which they are offered.
pub(super) const KINDS: [&Kind; 3] = [&IMIS, &IMC, &GENERIC];

/// The words for a preset.
pub(super) const fn kind_of(preset: ApplicationPreset) -> &'static Kind {
    match preset {
        ApplicationPreset::Imis => &IMIS,
        ApplicationPreset::Imc => &IMC,
        ApplicationPreset::Generic => &GENERIC,
    }
}

/// The preset of that name.
pub(super) fn named(key: &str) -> Option<&'static Kind> {
    KINDS.into_iter().find(|one| one.key == key)
}
