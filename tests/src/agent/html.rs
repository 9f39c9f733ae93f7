//! As much HTML as the agent needs: tags with attributes, text, forms and links. A scanner, not a
//! parser: it takes pages as they are and never fails.

/// A form as it would be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// Its `id` attribute.
    pub id: String,
    /// Where it goes, as written.
    pub action: String,
    /// Whether it is sent by POST.
    pub is_post: bool,
    /// Everything with a name except buttons.
    pub fields: Vec<Field>,
    /// Its buttons in order; the first is the one that is pressed.
    pub buttons: Vec<Button>,
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub value: String,
    /// Its type: `hidden`, `text`, `password`, `checkbox`, …
    pub kind: String,
    /// Whether it is sent: a box that is not ticked is not.
    pub is_sent: bool,
}

/// A button of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// Its name, or empty.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Form {
    /// The first field with this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Types into a field, or ticks a box; fields that the form does not have are left alone.
    pub fn fill(&mut self, name: &str, value: &str) {
        for field in self.fields.iter_mut().filter(|field| field.name == name) {
            if field.kind == "radio" {
                field.is_sent = field.value == value;
            } else {
                value.clone_into(&mut field.value);
                field.is_sent = true;
            }
        }
    }

    /// Makes the button with this value the one that is pressed.
    pub fn press(&mut self, value: &str) {
        self.buttons.sort_by_key(|button| button.value != value);
    }

    /// Whether there is nothing for a person to fill in.
    pub fn is_hidden(&self) -> bool {
        self.fields.iter().all(|field| field.kind == "hidden")
    }

    /// The names and values that are sent.
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        let fields = self.fields.iter().filter(|field| field.is_sent);
        let pressed = self.buttons.first().filter(|button| !button.name.is_empty());
        fields
            .map(|field| (field.name.as_str(), field.value.as_str()))
            .chain(pressed.map(|button| (button.name.as_str(), button.value.as_str())))
            .collect()
    }
}

pub(super) fn forms(page: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let (mut inside, mut in_textarea) = (false, false);
    for piece in Pieces::of(page) {
        let tag = match piece {
            Piece::Tag(tag) => tag,
            Piece::Text(text) if in_textarea => {
                if let Some(field) = forms.last_mut().and_then(|form| form.fields.last_mut()) {
                    // A line break after the tag is not part of it.
                    let text =
                        text.strip_prefix("\r\n").or(text.strip_prefix('\n')).unwrap_or(text);
                    field.value = decode(text);
                }
                continue;
            }
            Piece::Text(_) => continue,
        };
        in_textarea = inside && tag.name == "textarea" && !tag.get("name").is_empty();
        match tag.name.as_str() {
            "form" => {
                inside = true;
                forms.push(Form {
                    id: tag.get("id"),
                    action: tag.get("action"),
                    is_post: tag.get("method").eq_ignore_ascii_case("post"),
                    fields: Vec::new(),
                    buttons: Vec::new(),
                });
            }
            "/form" => inside = false,
            _ if inside => {
                if let Some(form) = forms.last_mut() {
                    add_control(form, &tag);
                }
            }
            _ => {}
        }
    }
    forms
}

fn add_control(form: &mut Form, tag: &Tag) {
    let kind = tag.get("type").to_ascii_lowercase();
    let is_button = tag.name == "button" && kind != "button";
    if is_button || (tag.name == "input" && matches!(kind.as_str(), "submit" | "image")) {
        form.buttons.push(Button { name: tag.get("name"), value: tag.get("value") });
        return;
    }
    if tag.name == "option" {
        // The first option of a select stands until another is marked as chosen.
        let chosen = tag.has("selected");
        if let Some(select) = form.fields.last_mut().filter(|field| field.kind == "select")
            && (chosen || !select.is_sent)
        {
            select.value = tag.get("value");
            select.is_sent = true;
        }
        return;
    }
    let name = tag.get("name");
    if name.is_empty() || !matches!(tag.name.as_str(), "input" | "textarea" | "select") {
        return;
    }
    let is_box = matches!(kind.as_str(), "checkbox" | "radio");
    let value = if is_box && !tag.has("value") { "on".to_owned() } else { tag.get("value") };
    let kind = match (tag.name.as_str(), kind.as_str()) {
        ("input", "") => "text".to_owned(),
        ("input", _) => kind,
        (element, _) => element.to_owned(),
    };
    let is_sent = kind != "select" && (!is_box || tag.has("checked")) && !tag.has("disabled");
    form.fields.push(Field { name, value, kind, is_sent });
}

pub(super) fn links(page: &str) -> Vec<(String, String)> {
    let mut links = Vec::new();
    let mut open: Option<(String, String)> = None;
    for piece in Pieces::of(page) {
        match piece {
            Piece::Tag(tag) if tag.name == "a" && tag.has("href") => {
                open = Some((String::new(), tag.get("href")));
            }
            Piece::Tag(tag) if tag.name == "/a" => links.extend(open.take()),
            Piece::Text(text) => {
                if let Some((label, _)) = &mut open {
                    label.push_str(&decode(text));
                }
            }
            Piece::Tag(_) => {}
        }
    }
    links.into_iter().map(|(label, href)| (squeeze(&label), href)).collect()
}

pub(super) fn text(page: &str) -> String {
    let pieces = Pieces::of(page).map(|piece| match piece {
        Piece::Text(text) => decode(text),
        Piece::Tag(_) => " ".to_owned(),
    });
    squeeze(&pieces.collect::<String>())
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

enum Piece<'a> {
    Text(&'a str),
    Tag(Tag),
}

struct Tag {
    /// In lower case, with a slash in front when it closes.
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn get(&self, name: &str) -> String {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|(key, _)| key == name)
    }
}

/// Walks through a page; scripts, styles and comments are passed over.
struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Pieces<'a> {
    fn of(page: &'a str) -> Self {
        Self { rest: page }
    }

    fn skip_past(&mut self, end: &str) {
        self.rest = self.rest.split_once(end).map_or("", |(_, rest)| rest);
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        if self.rest.starts_with("<!--") {
            self.skip_past("-->");
            return self.next();
        }
        let Some(inside) = self.rest.strip_prefix('<') else {
            let end = self.rest.find('<').unwrap_or(self.rest.len());
            let (text, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Some(Piece::Text(text));
        };
        let (tag, rest) = scan_tag(inside);
        self.rest = rest;
        if matches!(tag.name.as_str(), "script" | "style") {
            let end = format!("</{}", tag.name);
            self.skip_past(&end);
            self.skip_past(">");
        }
        Some(Piece::Tag(tag))
    }
}

/// Reads a tag after its `<` and returns what follows its `>`.
fn scan_tag(inside: &str) -> (Tag, &str) {
    let name_end = inside.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(inside.len());
    let (name, mut rest) = inside.split_at(name_end);
    let name = name.trim_end_matches('/').to_ascii_lowercase();
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return (Tag { name, attributes }, after);
        }
        if rest.is_empty() {
            return (Tag { name, attributes }, rest);
        }
        let key_end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/'))
            .unwrap_or(rest.len());
        // An equals sign without a key would not move on by itself.
        let (key, after) = rest.split_at(key_end.max(1).min(rest.len()));
        let (value, after) = scan_value(after);
        attributes.push((key.to_ascii_lowercase(), decode(value)));
        rest = after;
    }
}

fn scan_value(text: &str) -> (&str, &str) {
    let Some(value) = text.trim_start().strip_prefix('=') else { return ("", text) };
    let value = value.trim_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    let end = value.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(value.len());
    value.split_at(end)
}

/// Resolves the character references that pages use.
fn decode(text: &str) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        let resolved =
            after.split_once(';').and_then(|(name, rest)| Some((character(name)?, rest)));
        if let Some((character, tail)) = resolved {
            decoded.push(character);
            rest = tail;
        } else {
            decoded.push('&');
            rest = after;
        }
    }
    decoded + rest
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => digits.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_post_page_gives_its_fields_back_exactly() {
        let page = r#"<!DOCTYPE html><body onload="x"><form method="POST" action="https://rp/?a=1&amp;b=2">
            <input type="hidden" name="state" value="a=&#34;b&#x22;+&lt;&amp;amp;"/>
            <noscript><button>Continue</button></noscript></form><script>if (1<2) submit()</script>"#;
        let [form] = forms(page).try_into().unwrap();
        assert_eq!(form.action, "https://rp/?a=1&b=2");
        assert!(form.is_post && form.is_hidden());
        assert_eq!(form.pairs(), [("state", r#"a="b"+<&amp;"#)]);
    }

    #[test]
    fn what_is_not_ticked_is_not_sent_and_the_first_button_is_pressed() {
        let page = "<form><input type=checkbox name=a><input type=checkbox name=b checked>
            <input name=c value=1><select name=d><option value=x><option value=y selected></select>
            <button name=go value=1>Go</button><button name=go value=2>Or</button></form>";
        let [mut form] = forms(page).try_into().unwrap();
        assert_eq!(form.pairs(), [("b", "on"), ("c", "1"), ("d", "y"), ("go", "1")]);
        form.press("2");
        form.fill("a", "yes");
        assert_eq!(form.pairs().first(), Some(&("a", "yes")));
        assert_eq!(form.pairs().last(), Some(&("go", "2")));
    }

    #[test]
    fn a_textarea_holds_its_text() {
        let page =
            "<form><textarea name=a>\nx &amp;\ny</textarea><textarea name=b></textarea> z</form>";
        let [form] = forms(page).try_into().unwrap();
        assert_eq!(form.pairs(), [("a", "x &\ny"), ("b", "")]);
    }

    #[test]
    fn text_is_what_a_person_reads() {
        let page =
            "<style>p{}</style><h1>Sign&nbsp;in</h1><!-- no --><p>to <b>Acme</b> &amp; Co</p>";
        assert_eq!(text(page), "Sign in to Acme & Co");
    }

    #[test]
    fn links_have_their_text_and_their_address() {
        let page = r#"<a href="/x?a&amp;b">Try <b>again</b></a><a name=y>no</a>"#;
        assert_eq!(links(page), [("Try again".to_owned(), "/x?a&b".to_owned())]);
    }

    #[test]
    fn a_broken_page_is_read_to_its_end() {
        for page in ["<", "<a href=", "<form action='x", "<input = = value>", "<script>", "&#;&x"] {
            let _ = (forms(page), text(page), links(page));
        }
    }
}
