//! `vestibule directory presets`: what is known of each vendor.

use broker::directory_preset::{DirectoryPreset, Preset};
use broker::settings::EmailTrust;
use serde_json::{Value, json};

use crate::cli::DirectoryPresetsArgs;
use crate::output;

/// Runs `directory presets`.
pub(super) fn run(args: &DirectoryPresetsArgs) -> anyhow::Result<()> {
    match &args.preset {
        None if args.json => {
            let all: Vec<_> = DirectoryPreset::all().map(|one| document(one.data())).collect();
            output::json(serde_json::to_string_pretty(&all)?);
        }
        None => {
            for one in DirectoryPreset::all().map(DirectoryPreset::data) {
                output::result(format_args!("{:<12}{:<26}{}", one.key, one.name, typed(one)));
            }
        }
        Some(name) => {
            let preset = super::preset(name)?.data();
            if args.json {
                output::json(serde_json::to_string_pretty(&document(preset))?);
            } else {
                output::result(page(preset));
            }
        }
    }
    Ok(())
}

/// What staff type, in a few words.
fn typed(preset: &Preset) -> String {
    match &preset.issuer {
        Some(_) => "nothing to type".to_owned(),
        None => format!("{}, such as {}", preset.ask.label, preset.ask.example),
    }
}

fn document(preset: &Preset) -> Value {
    json!({
        "preset": preset.key,
        "name": preset.name,
        "issuer": preset.issuer,
        "ask": {
            "label": preset.ask.label, "example": preset.ask.example, "help": preset.ask.help,
        },
        "scopes": preset.scopes,
        "userinfo": preset.userinfo,
        "email_trust": preset.email_trust,
        "private_key_jwt": preset.private_key_jwt,
        "steps": preset.steps,
        "traps": preset.traps,
        "profile": preset.profile,
    })
}

/// Everything that a person who connects a directory wants to know.
fn page(preset: &Preset) -> String {
    let trust = match preset.email_trust {
        EmailTrust::VerifiedClaim => "if the directory says so",
        EmailTrust::Domain => "if their domain is one of `domains`",
        EmailTrust::Never => "never",
    };
    let mut lines = vec![
        format!("{} (preset: {})", preset.name, preset.key),
        String::new(),
        format!("issuer      {}", typed(preset)),
        format!("            {}", preset.ask.help),
        format!("scopes      {}", preset.scopes.join(" ")),
        format!("addresses   count as verified {trust}"),
    ];
    if preset.private_key_jwt {
        lines.push("no secret   token_endpoint_auth_method: private_key_jwt is possible".into());
    }
    lines.extend([String::new(), "What to do there".to_owned()]);
    let steps = preset.steps.iter().enumerate();
    lines.extend(steps.map(|(at, step)| format!("  {}. {step}", at + 1)));
    lines.extend([String::new(), "What goes wrong".to_owned()]);
    lines.extend(preset.traps.iter().map(|trap| format!("  - {trap}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_of_a_vendor_has_its_steps_and_its_traps() {
        let preset = DirectoryPreset::parse("cognito").unwrap().data();
        let page = page(preset);
        assert!(page.starts_with("Amazon Cognito (preset: cognito)"), "{page}");
        for text in preset.steps.iter().chain(&preset.traps) {
            assert!(page.contains(text.as_str()), "{text}");
        }
    }

    #[test]
    fn vendor_that_all_share_needs_nothing_typed() {
        assert_eq!(typed(DirectoryPreset::parse("google").unwrap().data()), "nothing to type");
    }
}
