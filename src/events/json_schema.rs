//! The JSON Schema (draft 2020-12) of a request to the events door.

use serde_json::{Map, Value, json};

use super::kinds::KINDS;
use super::schema::{Field, Kind, Want};
use crate::limits;

/// The schema: one event, or a list of them. An NDJSON body is one event a line.
pub fn json_schema() -> Value {
    let events: Map<String, Value> =
        KINDS.iter().map(|kind| (kind.name.to_owned(), event(kind))).collect();
    let names = KINDS.iter().map(|kind| json!({"$ref": format!("#/$defs/{}", kind.name)}));
    let any = json!({"oneOf": names.collect::<Vec<_>>()});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pharos events",
        "description": "The body of POST /v1/events: one event, or a list of them. An NDJSON \
            body is one event a line.",
        "oneOf": [
            {"$ref": "#/$defs/event"},
            {"type": "array", "items": {"$ref": "#/$defs/event"}}
        ],
        "$defs": with(events, "event", any)
    })
}

fn with(mut map: Map<String, Value>, key: &str, value: Value) -> Value {
    map.insert(key.to_owned(), value);
    Value::Object(map)
}

fn event(kind: &Kind) -> Value {
    let mut properties = Map::new();
    let names: Vec<&str> = std::iter::once(kind.name).chain(kind.aliases.iter().copied()).collect();
    properties.insert("type".to_owned(), json!({"enum": names}));
    for field in kind.all_fields() {
        for name in std::iter::once(&field.name).chain(field.aliases) {
            let value = nullable(field, *name != field.name);
            match name.split_once('.').filter(|(group, _)| *group == "usage") {
                Some((group, inner)) => {
                    let object = properties.entry(group).or_insert_with(empty_object);
                    object["properties"][inner] = value;
                }
                None => drop(properties.entry(*name).or_insert(value)),
            }
        }
    }
    // Which of several names must be there is more than `required` can say.
    let must = kind.must.iter().filter_map(|name| {
        let field = kind.all_fields().find(|field| field.name == *name)?;
        Some(any_of(std::iter::once(&field.name).chain(field.aliases)))
    });
    let mut all: Vec<Value> = must.collect();
    if !kind.one_of.is_empty() {
        let fields = kind.all_fields().filter(|field| kind.one_of.contains(&field.name));
        let names = fields.flat_map(|field| std::iter::once(&field.name).chain(field.aliases));
        all.push(any_of(names));
    }
    let mut schema = json!({
        "type": "object",
        "description": kind.doc,
        "properties": properties,
        "required": ["type"],
        "additionalProperties": false,
    });
    if !all.is_empty() {
        schema["allOf"] = Value::Array(all);
    }
    schema
}

fn empty_object() -> Value {
    json!({"type": ["object", "null"], "properties": {}, "additionalProperties": false})
}

fn any_of<'n>(names: impl Iterator<Item = &'n &'static str>) -> Value {
    let each: Vec<Value> = names.map(|name| json!({"required": [name]})).collect();
    json!({"anyOf": each})
}

fn nullable(field: &Field, alias: bool) -> Value {
    let mut schema = json!({"anyOf": [wanted(field.want), {"type": "null"}]});
    schema["description"] = match alias {
        true => Value::from(format!("Another name of {}.", field.name)),
        false => Value::from(field.doc),
    };
    if let (Some(default), false) = (field.default, alias) {
        schema["default"] = Value::from(default);
    }
    schema
}

fn wanted(want: Want) -> Value {
    match want {
        Want::Text => json!({
            "type": "string", "minLength": 1, "maxLength": limits::EVENT_NAME_BYTES
        }),
        Want::Content => json!({}),
        Want::Count(most) => json!({"type": "integer", "minimum": 0, "maximum": most}),
        Want::Number(most) | Want::Seconds(most) => {
            json!({"type": "number", "minimum": 0, "maximum": most})
        }
        Want::Milliseconds(most) => json!({"type": "number", "minimum": 0, "maximum": most * 1e3}),
        Want::Flag => json!({"type": "boolean"}),
        Want::Word(words) => json!({"enum": words}),
        Want::Code => json!({"type": "integer", "minimum": 100, "maximum": 599}),
        Want::Time => json!({
            "oneOf": [{"type": "string", "format": "date-time"}, {"type": "number", "minimum": 0}]
        }),
        Want::Id(32) => json!({
            "type": "string",
            "pattern": "^([0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$"
        }),
        Want::Id(digits) => {
            json!({"type": "string", "pattern": format!("^[0-9a-fA-F]{{{digits}}}$")})
        }
        Want::Traceparent => json!({
            "type": "string", "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
        }),
        Want::Facts => json!({"type": "object", "maxProperties": limits::EVENT_FACTS}),
    }
}
