//! The boxes of a directory's form, in the vendor's own words.

use broker::settings::{EmailTrust, TokenEndpointAuthMethod};

use super::{Asked, Origin, Values, word};
use crate::api::Problem;

/// A box of the form, or a list to choose from.
#[derive(Debug, Clone, Default)]
pub(in crate::dashboard) struct Input {
    pub(in crate::dashboard) name: &'static str,
    pub(in crate::dashboard) label: String,
    pub(in crate::dashboard) hint: String,
    pub(in crate::dashboard) example: String,
    pub(in crate::dashboard) value: String,
    pub(in crate::dashboard) kind: &'static str,
    pub(in crate::dashboard) is_mono: bool,
    pub(in crate::dashboard) is_required: bool,
    /// What is wrong with what was typed.
    pub(in crate::dashboard) wrong: String,
    /// What there is to choose from: what is sent, and what is read.
    pub(in crate::dashboard) options: Vec<(String, String)>,
}

impl Input {
    /// What it is described by, for those who do not see it.
    pub(in crate::dashboard) fn described_by(&self) -> String {
        let wrong = (!self.wrong.is_empty()).then(|| format!("{}-wrong", self.name));
        let hint = (!self.hint.is_empty()).then(|| format!("{}-hint", self.name));
        wrong.into_iter().chain(hint).collect::<Vec<_>>().join(" ")
    }
}

/// The boxes of a form: those that everybody fills in, and those that few need.
#[derive(Debug, Default)]
pub(in crate::dashboard) struct Inputs {
    pub(in crate::dashboard) usual: Vec<Input>,
    pub(in crate::dashboard) more: Vec<Input>,
}

impl Inputs {
    /// Whether something is wrong among those that few need.
    pub(in crate::dashboard) fn has_wrong_more(&self) -> bool {
        self.more.iter().any(|one| !one.wrong.is_empty())
    }
}

impl Asked {
    /// The boxes with what is in them, and what is wrong with it.
    pub(in crate::dashboard) fn inputs(
        &self,
        values: &Values,
        problem: Option<&Problem>,
    ) -> Inputs {
        let [is_staff, staff_names] = self.staff_boxes(values);
        let usual = [
            Some(name_box(values)),
            self.issuer_box(values),
            self.hosted_domains_box(values),
            Some(self.client_id_box(values)),
            Some(self.secret_box(problem.is_some())),
            Some(expiry_box(&values.expires)),
            self.domains_box(values),
            is_staff,
            staff_names,
        ];
        let more =
            [Some(self.method_box(values)), self.trust_box(values), self.tenants_box(values)];
        let marked = |all: Vec<Option<Input>>| {
            let all = all.into_iter().flatten();
            all.map(|one| Input { wrong: wrong(problem, one.name), ..one }).collect()
        };
        Inputs { usual: marked(usual.into()), more: marked(more.into()) }
    }

    fn issuer_box(&self, values: &Values) -> Option<Input> {
        let data = self.preset.data();
        (self.provider && data.issuer.is_none()).then(|| Input {
            name: "issuer",
            label: capital(&data.ask.label),
            hint: data.ask.help.clone(),
            example: data.ask.example.clone(),
            value: values.issuer.clone(),
            kind: "text",
            is_mono: true,
            is_required: true,
            ..Input::default()
        })
    }

    fn hosted_domains_box(&self, values: &Values) -> Option<Input> {
        (self.provider && self.has_hosted_domains()).then(|| Input {
            name: "hosted_domains",
            label: "Domains of your Workspace".to_owned(),
            hint: "Nobody else at Google can sign in. Several: with commas between them."
                .to_owned(),
            example: "acme.org".to_owned(),
            value: values.hosted_domains.clone(),
            kind: "text",
            is_mono: true,
            is_required: self.origin == Origin::New,
            ..Input::default()
        })
    }

    fn client_id_box(&self, values: &Values) -> Input {
        Input {
            name: "client_id",
            label: self.preset.data().words.client_id.clone(),
            value: values.client_id.clone(),
            kind: "text",
            is_mono: true,
            is_required: true,
            ..Input::default()
        }
    }

    /// It is not written back into a page, so that it has to be entered again after a refusal.
    fn secret_box(&self, is_again: bool) -> Input {
        let hint = if is_again {
            "Enter it again: what was typed here is not kept."
        } else if self.origin == Origin::WithSecret {
            "Leave it empty to keep the one that is here. If the address above changes, enter it \
             again: it is never shown to another provider."
        } else {
            "It is kept sealed, and never shown again."
        };
        Input {
            name: "client_secret",
            label: self.preset.data().words.client_secret.clone(),
            hint: hint.to_owned(),
            kind: "password",
            is_mono: true,
            ..Input::default()
        }
    }

    fn domains_box(&self, values: &Values) -> Option<Input> {
        self.domains.then(|| Input {
            name: "domains",
            label: "E-mail domains".to_owned(),
            hint: "People with these addresses are sent here without being asked. Several: with \
                   commas between them."
                .to_owned(),
            example: "acme.org, *.acme.org".to_owned(),
            value: values.domains.clone(),
            kind: "text",
            is_mono: true,
            ..Input::default()
        })
    }

    fn method_box(&self, values: &Values) -> Input {
        let mut options = vec![
            (String::new(), "As the directory announces".to_owned()),
            (word(&TokenEndpointAuthMethod::ClientSecretBasic), "HTTP Basic".to_owned()),
            (word(&TokenEndpointAuthMethod::ClientSecretPost), "In the form (POST)".to_owned()),
        ];
        if self.preset.data().private_key_jwt {
            let label = "No secret: signed with this tenant's key".to_owned();
            options.push((word(&TokenEndpointAuthMethod::PrivateKeyJwt), label));
        }
        Input {
            name: "token_endpoint_auth_method",
            label: "How we prove who we are there".to_owned(),
            hint: "Some directories accept only the one way that is chosen for the application."
                .to_owned(),
            value: values.method.clone(),
            options,
            ..Input::default()
        }
    }

    fn trust_box(&self, values: &Values) -> Option<Input> {
        let option = |trust, label: &str| (word(&trust), label.to_owned());
        let usual = match self.preset.data().email_trust {
            EmailTrust::VerifiedClaim => "As usual here: if the directory says that it is verified",
            EmailTrust::Domain => "As usual here: if its domain is one of the directory's",
            EmailTrust::Never => "As usual here: never",
        };
        self.trust.then(|| Input {
            name: "email_trust",
            label: "When an e-mail address is trusted".to_owned(),
            hint: "A trusted address is passed on as verified.".to_owned(),
            value: values.trust.clone(),
            options: vec![
                (String::new(), usual.to_owned()),
                option(EmailTrust::VerifiedClaim, "If the directory says that it is verified"),
                option(EmailTrust::Domain, "If its domain is one of the directory's"),
                option(EmailTrust::Never, "Never"),
            ],
            ..Input::default()
        })
    }

    fn tenants_box(&self, values: &Values) -> Option<Input> {
        (self.provider && self.has_tenants()).then(|| Input {
            name: "tenants",
            label: "Tenant IDs that may sign in".to_owned(),
            hint: "Only for an application of several organisations, with `organizations` or \
                   `common` above. Several: with commas between them."
                .to_owned(),
            value: values.tenants.clone(),
            kind: "text",
            is_mono: true,
            ..Input::default()
        })
    }
}

fn name_box(values: &Values) -> Input {
    Input {
        name: "name",
        label: "Name".to_owned(),
        hint: "People see it where they choose how to sign in.".to_owned(),
        value: values.name.clone(),
        kind: "text",
        is_required: true,
        ..Input::default()
    }
}

/// When a secret expires.
pub(in crate::dashboard) fn expiry_box(value: &str) -> Input {
    Input {
        name: "client_secret_expires_at",
        label: "The secret expires on".to_owned(),
        hint: "If the directory says so. You are reminded here before that day.".to_owned(),
        value: value.to_owned(),
        kind: "date",
        ..Input::default()
    }
}

/// What is wrong with a setting, in a sentence or two.
pub(in crate::dashboard) fn wrong(problem: Option<&Problem>, name: &str) -> String {
    let mistakes = problem.into_iter().flat_map(Problem::mistakes);
    let own = mistakes.filter(|one| {
        // A conflict names the directory before the setting.
        let path = one.path.rsplit(", ").next().unwrap_or_default();
        let rest = path.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
    });
    own.map(|one| sentence(&one.message)).collect::<Vec<_>>().join(" ")
}

fn sentence(text: &str) -> String {
    format!("{}.", capital(text.trim_end_matches('.')))
}

/// The same with a capital letter in front.
fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or_else(String::new, |first| first.to_uppercase().chain(rest).collect())
}
