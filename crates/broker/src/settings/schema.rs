//! How settings that read themselves are described in the JSON Schema of the configuration file and in
//! the `OpenAPI` document of the admin API. The others derive it.

use serde_json::{Map, Value, json};
use utoipa::openapi::schema::{ArrayBuilder, Object, ObjectBuilder, Schema, SchemaType, Type};

use utoipa::{PartialSchema as _, ToSchema as _};

use super::Configuration;
use crate::directory_preset::DirectoryPreset;

/// The JSON Schema (2020-12) of the configuration file.
///
/// # Errors
/// Never, as far as is known: schemas are made of texts and lists.
pub fn json_schema() -> Result<Value, serde_json::Error> {
    let mut parts = Vec::new();
    Configuration::schemas(&mut parts);
    let mut definitions = Map::new();
    for (name, schema) in parts {
        definitions.insert(name, serde_json::to_value(schema)?);
    }
    let mut root = serde_json::to_value(Configuration::schema())?;
    if let Some(members) = root.as_object_mut() {
        members.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        members.insert("title".to_owned(), json!("Vestibule configuration file"));
        members.insert("$defs".to_owned(), definitions.into());
    }
    // The library refers to where an OpenAPI document has them.
    let text = root.to_string().replace("#/components/schemas/", "#/$defs/");
    serde_json::from_str(&text)
}

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

/// A [`SecretSource`](super::SecretSource).
pub(super) fn secret() -> Schema {
    let text = text(
        "The secret itself, or in a configuration file `${env:NAME}` or `${file:PATH}`. What is \
         read back is a reference, never the secret; sent back, it leaves the secret as it is.",
    );
    Schema::Object(Object::from(text))
}

/// A [`LogoSource`](super::LogoSource).
pub(super) fn logo() -> Schema {
    let text = text(
        "In a configuration file `${file:PATH}`: a PNG, JPEG or WebP of at most 256 KiB and 2048 \
         pixels each way. What is read back is `sha256:` and the SHA-256 of that file; sent back, it \
         leaves the logo as it is.",
    );
    Schema::Object(Object::from(text))
}

/// A [`Colour`](crate::contrast::Colour).
pub(super) fn colour() -> Schema {
    let text = text(
        "The colour of buttons, `#rrggbb`. Where it is too close to what is around it, a darker or \
         lighter shade is shown, so that everybody can read it.",
    );
    Schema::Object(Object::from(text.pattern(Some("^#[0-9A-Fa-f]{6}$"))))
}

/// A list of [`DomainPattern`](crate::email::DomainPattern)s.
pub(super) fn domains() -> Schema {
    let one = text("A domain such as `acme.org`, or `*.acme.org` for every name below it.");
    let list = ArrayBuilder::new().items(one);
    Schema::Array(list.description(Some("Domains whose people are routed to it.")).build())
}

/// A [`DirectoryPreset`].
pub(super) fn directory_preset() -> Schema {
    let keys = DirectoryPreset::all().map(DirectoryPreset::key);
    let text = text("What everything left out here follows.").enum_values(Some(keys));
    Schema::Object(Object::from(text))
}

/// The contract of an application: claims with their [`ValueType`](crate::claims::ValueType)s.
pub(super) fn contract() -> Schema {
    let types = ["string", "number", "bool", "list"].map(|name| Some(name.to_owned()));
    let one = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(types.into_iter().chain([None])));
    let all = ObjectBuilder::new().schema_type(Type::Object).additional_properties(Some(one));
    let description = "Claims without which a login stops here, with their types, over the preset's; \
                       `null` takes one of the preset's away.";
    Schema::Object(Object::from(all.description(Some(description))))
}
