//! `/api/openapi.json`: the description of this API, kept as data beside this file.

use super::Shared;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

/// OpenAPI 3.1; a test compares it with the routes.
const DOCUMENT: &str = include_str!("openapi.json");

/// `GET /api/openapi.json`.
pub(super) async fn answer(State(api): State<Shared>) -> Json<Value> {
    let mut document = document();
    document["info"]["version"] = json!(api.handles.about.version);
    Json(document)
}

fn document() -> Value {
    serde_json::from_str(DOCUMENT).expect("a test reads the document")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::access::Access;
    use crate::api::routes::{changes, routes};
    use std::collections::BTreeSet;

    fn texts<'v>(items: impl Iterator<Item = &'v Value>) -> BTreeSet<&'v str> {
        items.filter_map(Value::as_str).collect()
    }

    #[test]
    fn every_route_is_described_and_nothing_else() {
        let document = document();
        assert_eq!(document["openapi"], "3.1.0");
        let paths = document["paths"].as_object().unwrap();
        let described: BTreeSet<&str> = paths.keys().map(String::as_str).collect();
        let served: BTreeSet<&str> = routes().iter().map(|route| route.path).collect();
        assert_eq!(described, served);
        let rows = routes().into_iter().map(|route| ("get", route));
        let rows: Vec<_> = rows.chain(changes().into_iter().map(|row| ("post", row))).collect();
        for (method, route) in &rows {
            let path = route.path;
            let methods: Vec<&str> =
                paths[path].as_object().unwrap().keys().map(String::as_str).collect();
            let of_path = rows.iter().filter(|(_, row)| row.path == path);
            assert_eq!(methods, of_path.map(|(method, _)| *method).collect::<Vec<_>>(), "{path}");
            let operation = &paths[path][*method];
            assert!(operation["operationId"].is_string() && operation["summary"].is_string());
            let empty = Vec::new();
            let parameters = operation["parameters"].as_array().unwrap_or(&empty);
            let of = |place: &str| {
                texts(parameters.iter().filter(|p| p["in"] == place).map(|p| &p["name"]))
            };
            let query: BTreeSet<&str> = route.parameters.unwrap_or(&[]).iter().copied().collect();
            assert_eq!(of("query"), query, "{path}");
            let in_path: BTreeSet<&str> = path
                .split('/')
                .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
                .collect();
            assert_eq!(of("path"), in_path, "{path}");
            let open = operation["security"] == json!([]);
            assert_eq!(open, route.access == Access::Open, "{path}");
            assert!(operation["responses"]["200"].is_object(), "{path}");
            assert_eq!(operation["responses"]["401"].is_object(), !open, "{path}");
        }
    }

    /// A reference that leads nowhere makes client generators fail.
    #[test]
    fn every_reference_leads_somewhere() {
        fn walk(value: &Value, document: &Value, seen: &mut usize) {
            match value {
                Value::Object(map) => {
                    if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                        let pointer = reference.strip_prefix('#').unwrap();
                        assert!(document.pointer(pointer).is_some(), "{reference}");
                        *seen += 1;
                    }
                    map.values().for_each(|value| walk(value, document, seen));
                }
                Value::Array(items) => items.iter().for_each(|item| walk(item, document, seen)),
                _ => {}
            }
        }
        let (document, mut seen) = (document(), 0);
        walk(&document, &document, &mut seen);
        assert!(seen > 0);
    }
}
