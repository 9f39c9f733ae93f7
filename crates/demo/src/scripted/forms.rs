//! The forms of simple pages: no scripts, no nesting, attributes in quotes or bare.

/// A form of a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Form {
    /// Where it goes, relative to the page.
    pub(super) action: String,
    /// Whether it is sent by POST.
    pub(super) post: bool,
    /// Hidden fields, and others that are filled in already, except the e-mail.
    pub(super) hidden: Vec<(String, String)>,
    /// Buttons that say something: name and value.
    pub(super) buttons: Vec<(String, String)>,
    /// The name of the field for an e-mail.
    pub(super) email_field: Option<String>,
}

/// The forms of a page, in order.
pub(super) fn read(html: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    let mut open: Option<Form> = None;
    for tag in tags(html) {
        match (tag.name.as_str(), &mut open) {
            ("form", _) => {
                let post = tag.get("method").is_some_and(|how| how.eq_ignore_ascii_case("post"));
                let action = tag.get("action").unwrap_or_default().to_owned();
                forms.extend(open.replace(Form { action, post, ..Form::default() }));
            }
            ("/form", _) => forms.extend(open.take()),
            ("input" | "button", Some(form)) => form.add(&tag),
            _ => {}
        }
    }
    forms.extend(open);
    forms
}

/// What a page says, in a line: its title, headings and paragraphs, at most 300 characters.
pub(super) fn summary(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html.find("<body").and_then(|start| html.get(start..)).unwrap_or(html);
    while let Some((before, tag)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        let skipped = ["script", "style"].into_iter().find(|name| tag.starts_with(name));
        let end = skipped.and_then(|name| tag.find(&format!("</{name}"))).unwrap_or(0);
        let Some((_, after)) = tag.get(end..).and_then(|tag| tag.split_once('>')) else { break };
        rest = after;
    }
    if !rest.contains('<') {
        text.push_str(rest);
    }
    let words: Vec<_> = text.split_whitespace().collect();
    unescape(&words.join(" ")).chars().take(300).collect()
}

impl Form {
    fn add(&mut self, tag: &Tag) {
        let Some(name) = tag.get("name").filter(|name| !name.is_empty()) else { return };
        let kind = tag.get("type").unwrap_or_default().to_ascii_lowercase();
        let value = tag.get("value").unwrap_or_default();
        let pair = (name.to_owned(), value.to_owned());
        let asks_for_email = kind == "email"
            || (kind != "hidden" && matches!(name, "email" | "login_hint" | "username"));
        match (tag.name.as_str(), kind.as_str()) {
            ("button", _) | (_, "submit") => self.buttons.push(pair),
            _ if asks_for_email => self.email_field = Some(pair.0),
            // Not chosen, so not sent.
            (_, "checkbox" | "radio") if tag.get("checked").is_none() => {}
            _ => self.hidden.push(pair),
        }
    }
}

/// A start tag with its attributes, or an end tag (its name begins with `/`).
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

fn tags(html: &str) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        let comment = after.strip_prefix("!--").and_then(|inside| inside.split_once("-->"));
        if let Some((_, after)) = comment {
            rest = after;
            continue;
        }
        let (tag, after) = tag(after);
        // What looks like a tag inside a script is none.
        rest = if tag.name == "script" {
            after.find("</script").and_then(|end| after.get(end..)).unwrap_or("")
        } else {
            after
        };
        tags.push(tag);
    }
    tags
}

/// Reads a tag from behind its `<`; gives what follows its `>`.
fn tag(text: &str) -> (Tag, &str) {
    let end = |c: char| c.is_whitespace() || c == '>';
    let (name, mut rest) = split_before(text, end);
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            break;
        }
        if let Some(after) = rest.strip_prefix('>') {
            rest = after;
            break;
        }
        let (key, after) = split_before(rest, |c| end(c) || c == '=');
        let (value, after) = match after.trim_start().strip_prefix('=') {
            Some(after) => value(after.trim_start()),
            None => (String::new(), after),
        };
        // A stray character that starts no name would keep the reader in place.
        rest = if after.len() < rest.len() { after } else { skip_one(rest) };
        attributes.push((key.to_ascii_lowercase(), value));
    }
    (Tag { name: name.trim_end_matches('/').to_ascii_lowercase(), attributes }, rest)
}

fn value(text: &str) -> (String, &str) {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote) {
            let (value, after) = inside.split_once(quote).unwrap_or((inside, ""));
            return (unescape(value), after);
        }
    }
    let (value, after) = split_before(text, |c| c.is_whitespace() || c == '>');
    (unescape(value), after)
}

fn split_before(text: &str, stop: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at_checked(text.find(stop).unwrap_or(text.len())).unwrap_or((text, ""))
}

fn skip_one(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.as_str()
}

/// Character references: by number, and the five with names that templates write.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let reference = after.split_once(';').filter(|(name, _)| name.len() < 10);
        let meant = reference.and_then(|(name, after)| Some((character(name)?, after)));
        let (character, after) = meant.unwrap_or(('&', after));
        plain.push(character);
        rest = after;
    }
    plain.push_str(rest);
    plain
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => return Some('&'),
        "lt" => return Some('<'),
        "gt" => return Some('>'),
        "quot" => return Some('"'),
        "apos" => return Some('\''),
        _ => {}
    }
    let number = name.strip_prefix('#')?;
    let number = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// [OAuth2-FPRM-2]
    #[test]
    fn a_form_that_submits_itself_is_read_with_its_values_unescaped() {
        let html = r#"<body onload="x > y"><script>if (a<b) "<form>";</script><!-- <form> -->
            <FORM Method='POST' action="http://a/?x=1&amp;y=2">
            <input type="hidden" name="state" value="a&#61;b&quot;&#x3c;&c"/>
            <input type=hidden name=code value=xyz><noscript><button>Continue</button></noscript>
            </form>"#;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = Form {
            action: "http://a/?x=1&y=2".to_owned(),
            post: true,
            hidden: vec![pair("state", "a=b\"<&c"), pair("code", "xyz")],
            ..Form::default()
        };
        assert_eq!(read(html), vec![expected]);
    }

    #[test]
    fn buttons_and_the_field_for_an_e_mail_are_told_apart_from_hidden_fields() {
        let html = r#"<form><input type="hidden" name="h" value="1"><button name="email"
            value="a@b">A</button><input type="email" name="mail" value="old" required></form>"#;
        let forms = read(html);
        assert_eq!(forms[0].hidden, vec![("h".to_owned(), "1".to_owned())]);
        assert_eq!(forms[0].buttons, vec![("email".to_owned(), "a@b".to_owned())]);
        assert_eq!(forms[0].email_field.as_deref(), Some("mail"));
    }

    #[test]
    fn a_page_is_summed_up_without_its_markup_and_scripts() {
        let html = "<head><title>T</title></head><body><h1>It&#39;s   late</h1><script>1<2</script>\
                    <p>Go <b>home</b></p>";
        assert_eq!(summary(html), "It's late Go home");
    }

    #[test]
    fn broken_markup_comes_to_an_end() {
        for html in ["<", "<form", "<form =", "<input ' \"", "<form action='x", "<!-- <form>"] {
            read(html);
            summary(html);
        }
    }
}
