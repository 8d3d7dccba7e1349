//! Attributes as labels.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::limits;
use crate::metrics::clean_label_value;
use crate::model::{Attribute, Scope, Value, find};

/// Names and values, sorted by name, each name once.
pub(super) type Labels = Vec<(String, String)>;

/// What stands for the service of a resource.
pub(super) const JOB: &str = "job";
/// What stands for one process of it.
pub(super) const INSTANCE: &str = "instance";

/// Names that would say something else than the app means.
const TAKEN: [&str; 4] = [JOB, INSTANCE, "le", "quantile"];

/// `job` (`service.namespace/service.name`) and `instance` (`service.instance.id`) of a resource.
pub(super) fn target(resource: &[Attribute<'_>]) -> Labels {
    let text = |key: &str| {
        find(resource, key).map(value_text).filter(|text| !text.is_empty()).map(|text| cut(&text))
    };
    let job = match (text("service.namespace"), text("service.name")) {
        (Some(namespace), Some(name)) => Some(format!("{namespace}/{name}")),
        (_, name) => name,
    };
    let pairs = [(INSTANCE, text("service.instance.id")), (JOB, job)];
    let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    pairs.collect()
}

/// The labels of a series.
pub(super) fn of_point(target: &Labels, attributes: &[Attribute<'_>]) -> Labels {
    joined(target.clone(), attributes)
}

/// The labels of a resource, but for those that identify it.
pub(super) fn of_resource(target: &Labels, resource: &[Attribute<'_>]) -> Labels {
    let rest = resource.iter().filter(|attribute| {
        !["service.namespace", "service.name", "service.instance.id"].contains(&attribute.key)
    });
    joined(target.clone(), &rest.cloned().collect::<Vec<_>>())
}

/// Adds what tells the series of one instrumentation library from those of another.
pub(super) fn add_scope(labels: &mut Labels, scope: &Scope<'_>) {
    let pairs = [("otel_scope_name", scope.name), ("otel_scope_version", scope.version)];
    for (name, value) in pairs {
        if !value.is_empty() && !labels.iter().any(|(known, _)| known == name) {
            labels.push((name.to_owned(), cut(value)));
        }
    }
    labels.sort();
}

/// Adds attributes. Where several keys become one name, their values are joined in the order of
/// the keys.
fn joined(mut labels: Labels, attributes: &[Attribute<'_>]) -> Labels {
    let mut sorted: Vec<&Attribute<'_>> = attributes.iter().collect();
    sorted.sort_by_key(|attribute| attribute.key);
    for attribute in sorted {
        let value = value_text(&attribute.value);
        // An empty label is no label.
        let Some(name) = label_name(attribute.key).filter(|_| !value.is_empty()) else { continue };
        match labels.iter_mut().find(|(known, _)| *known == name) {
            Some((_, joined)) => {
                let both = format!("{joined};{value}");
                *joined = cut(&both);
            }
            None => labels.push((name, cut(&value))),
        }
    }
    labels.sort();
    labels
}

/// The name of a label; `None` where there is none.
fn label_name(key: &str) -> Option<String> {
    let key = &key[..key.floor_char_boundary(limits::APP_NAME_BYTES)];
    let legal = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = key.chars().map(legal).collect();
    // Names with two underscores in front belong to Prometheus.
    let name = match name.strip_prefix("__") {
        Some(rest) => format!("key_{}", rest.trim_start_matches('_')),
        None if name.starts_with(|c: char| c.is_ascii_digit()) => format!("key_{name}"),
        None => name,
    };
    match &*name {
        "" => None,
        taken if TAKEN.contains(&taken) => Some(format!("exported_{taken}")),
        _ => Some(name),
    }
}

fn cut(value: &str) -> String {
    clean_label_value(value, limits::APP_LABEL_VALUE_BYTES).into_owned()
}

/// A value as text: lists and maps as JSON, bytes in base64.
fn value_text(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => {
            text[..text.floor_char_boundary(4 * limits::APP_LABEL_VALUE_BYTES)].to_owned()
        }
        Value::Empty => String::new(),
        Value::Bool(_) | Value::Int(_) => json(value).to_string(),
        Value::Double(number) => number.to_string(),
        Value::Bytes(_) => json(value).as_str().unwrap_or_default().to_owned(),
        Value::Array(_) | Value::Map(_) => json(value).to_string(),
    }
}

/// The reader has bounded how deep values nest.
fn json(value: &Value<'_>) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Empty => Json::Null,
        Value::Text(text) => Json::from(*text),
        Value::Bool(switch) => Json::from(*switch),
        Value::Int(number) => Json::from(*number),
        Value::Double(number) => Json::from(*number),
        Value::Bytes(bytes) => Json::from(STANDARD.encode(bytes)),
        Value::Array(items) => items.iter().map(json).collect(),
        Value::Map(pairs) => {
            pairs.iter().map(|pair| (pair.key.to_owned(), json(&pair.value))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<'a>(key: &'a str, value: &'a str) -> Attribute<'a> {
        Attribute { key, value: Value::Text(value) }
    }

    #[track_caller]
    fn check(attributes: &[Attribute<'_>], expected: &[(&str, &str)]) {
        let labels = of_point(&Labels::new(), attributes);
        let expected: Vec<_> = expected
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(labels, expected);
    }

    #[test]
    fn attributes_become_labels() {
        check(&[text("http.route", "/a"), text("b", "")], &[("http_route", "/a")]);
        check(&[text("a.b", "2"), text("a-b", "1"), text("a_b", "3")], &[("a_b", "1;2;3")]);
        check(&[text("job", "x"), text("le", "y")], &[("exported_job", "x"), ("exported_le", "y")]);
        check(&[text("__name__", "x"), text("9", "y")], &[("key_9", "y"), ("key_name__", "x")]);
        check(&[text("", "x")], &[]);
        check(&[text("a", "\u{1b}[0m\n")], &[("a", "_[0m")]);
        let values = [Value::Int(-3), Value::Double(0.5), Value::Bool(true), Value::Bytes(b"hi")];
        let list = Attribute { key: "l", value: Value::Array(values.to_vec()) };
        check(&[list], &[("l", "[-3,0.5,true,\"aGk=\"]")]);
        let long = "x".repeat(1_000);
        let cut = &long[..limits::APP_LABEL_VALUE_BYTES];
        check(&[text("a", &long)], &[("a", cut)]);
    }

    #[test]
    fn a_resource_is_a_target() {
        let resource = [
            text("service.name", "shop"),
            text("service.namespace", "eu"),
            text("service.instance.id", "pod-1"),
            text("host.name", "a"),
        ];
        let labels = target(&resource);
        let expected = [("instance", "pod-1"), ("job", "eu/shop")];
        assert_eq!(labels, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(of_resource(&labels, &resource)[0], ("host_name".to_owned(), "a".to_owned()));
        assert_eq!(target(&[text("service.namespace", "eu")]), Labels::new());
    }
}
