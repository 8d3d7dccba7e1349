//! The conditions of a question as SQL.
//!
//! Everything that fulfils a condition fulfils its SQL; what SQL cannot say exactly is looked at
//! again once it has been fetched. Of rows that another sender wrote, what is to be understood is
//! unknown to ClickHouse, so they pass.

use super::encode::{AT, SCOPE};
use super::facts;
use super::plain::{REPEATED, key_in_column};
use super::residue::OURS;
use super::sql;
use crate::limits;
use crate::model::Status;
use crate::storage::query::{Filters, is_text, json_form};

/// Whether a span's row has what Pharos adds.
pub(super) fn ours(attributes: &str) -> String {
    format!("mapContains({attributes}, '{AT}')")
}

/// The conditions on a span, but for its time.
pub(super) fn of_span(filters: &Filters) -> String {
    let mut all = Vec::new();
    if let Some(service) = &filters.service {
        all.push(service_is(service));
    }
    all.extend(filters.name.as_ref().map(|name| format!("SpanName = {}", sql::text(name))));
    all.extend(filters.status.map(status_is).map(str::to_owned));
    all.extend(filters.min_duration_ns.map(|least| format!("Duration >= {least}")));
    all.extend(filters.max_duration_ns.map(|most| format!("Duration <= {most}")));
    all.extend(understood(filters));
    for (key, wanted) in &filters.attributes {
        all.push(has_attribute("SpanAttributes", "ResourceAttributes", key, wanted));
    }
    if let Some(text) = &filters.text {
        all.push(says(
            text,
            "arrayConcat([toString(SpanName), StatusMessage], mapValues(SpanAttributes), \
             arrayMap(name -> toString(name), `Events.Name`), \
             arrayFlatten(arrayMap(event -> mapValues(event), `Events.Attributes`)))",
        ));
    }
    together(all)
}

/// Conditions that all hold.
pub(super) fn together(all: Vec<String>) -> String {
    if all.is_empty() { "1".to_owned() } else { format!("({})", all.join(" AND ")) }
}

/// Rows of this service. The collector writes nothing where there is none.
pub(super) fn service_is(service: &str) -> String {
    match service {
        "unknown_service" => format!("ServiceName IN ({}, '')", sql::text(service)),
        _ => format!("ServiceName = {}", sql::text(service)),
    }
}

/// Rows in a stretch of time, both ends included.
pub(super) fn between(from_ns: u64, to_ns: u64) -> String {
    format!("(Timestamp >= {} AND Timestamp <= {})", sql::time(from_ns), sql::time(to_ns))
}

fn status_is(status: Status) -> &'static str {
    match status {
        Status::Error => "StatusCode IN ('Error', 'STATUS_CODE_ERROR')",
        Status::Ok => "StatusCode NOT IN ('Error', 'STATUS_CODE_ERROR')",
        Status::Unset => "StatusCode IN ('Unset', 'STATUS_CODE_UNSET', '')",
    }
}

/// The conditions on what is understood of a span.
fn understood(filters: &Filters) -> Option<String> {
    let is_one = |keys: &[&str], wanted: &String| {
        let wanted = sql::text(wanted);
        let each = keys.iter().map(|key| format!("SpanAttributes['{key}'] = {wanted}"));
        format!("({})", each.collect::<Vec<_>>().join(" OR "))
    };
    let operation = filters.operation.as_deref().map(|operation| {
        let names: &[&str] = if operation == "llm" { &facts::LLM } else { &[operation] };
        format!("SpanAttributes['{}'] IN {}", facts::OPERATION, sql::list(names.iter().copied()))
    });
    let named = [
        (&[facts::MODEL, facts::RESPONSE_MODEL][..], &filters.model),
        (&[facts::TOOL], &filters.tool),
        (&[facts::AGENT, facts::RUN], &filters.agent),
        (&[facts::TENANT], &filters.tenant),
        (&[facts::CONVERSATION], &filters.conversation),
    ];
    let named = named.into_iter().filter_map(|(keys, wanted)| Some(is_one(keys, wanted.as_ref()?)));
    let all: Vec<String> = operation.into_iter().chain(named).collect();
    let any = !all.is_empty();
    any.then(|| format!("({} OR NOT {})", together(all), ours("SpanAttributes")))
}

/// Whether the record, its scope or its resource may have an attribute with this value. Of the
/// values that are not texts only the key is compared: there are many ways to write a number.
/// `scope` is a column of the scope's attributes beside those that Pharos puts among the
/// record's.
pub(super) fn has_attribute(column: &str, scope: &str, key: &str, wanted: &str) -> String {
    let own = sql::text(&key_in_column(key));
    let of_scope = sql::text(&format!("{SCOPE}{}", key_in_column(key)));
    let places = [(column, &own), ("ResourceAttributes", &own), (column, &of_scope), (scope, &own)];
    let each = places.map(|(map, key)| match is_text(wanted) {
        // A list has a value if one of its items does.
        true => {
            let wanted = sql::text(wanted);
            format!("({map}[{key}] = {wanted} OR startsWith({map}[{key}], '['))")
        }
        false => format!("mapContains({map}, {key})"),
    });
    format!("({} OR mapContains({column}, '{REPEATED}'))", each.join(" OR "))
}

/// Whether one of the texts of a list may hold a text, as it is or as JSON writes it. Values that
/// are lists or maps are JSON in the column, so what stands in them as JSON is so twice.
pub(super) fn says(text: &str, texts: &str) -> String {
    if text.is_empty() {
        return "1".to_owned();
    }
    if text.len() > limits::PARAMETER_BYTES {
        return "0".to_owned();
    }
    let json = [json_form(text, false), json_form(text, true)];
    let twice = json.each_ref().map(|json| json_form(json, false));
    let mut forms: Vec<String> = [text.to_owned()].into_iter().chain(json).chain(twice).collect();
    forms.sort_unstable();
    forms.dedup();
    let each =
        forms.iter().map(|form| format!("positionCaseInsensitive(text, {}) > 0", sql::text(form)));
    let any = each.collect::<Vec<_>>().join(" OR ");
    format!("arrayExists(text -> ({any}), {texts})")
}

/// The attributes of a row that are needed without its content: of our own rows what is
/// understood, of others what is short.
pub(super) fn light(column: &str, attributes: &str) -> String {
    let (ours, most) = (ours(attributes), limits::CLICKHOUSE_LIGHT_BYTES);
    let content = sql::list([super::encode::RECORD, super::encode::ORIGIN]);
    format!(
        "mapFilter((key, value) -> if({ours}, startsWith(key, '{OURS}') AND key NOT IN {content}, \
         length(value) <= {most}), {column})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stands_in_literals_only() {
        let evil = "x') OR 1=1 -- \\ {y:String}\0";
        let some = || Some(evil.to_owned());
        let filters = Filters {
            service: some(),
            name: some(),
            operation: some(),
            model: some(),
            tool: some(),
            agent: some(),
            tenant: some(),
            conversation: some(),
            text: some(),
            attributes: vec![(evil.to_owned(), evil.to_owned())],
            ..Filters::default()
        };
        let mut rest = of_span(&filters);
        // Without its literals nothing of it is left.
        while let Some(begin) = rest.find('\'') {
            let mut end = begin + 1;
            while !rest[end..].starts_with('\'') {
                end += if rest[end..].starts_with('\\') { 2 } else { 1 };
            }
            rest.replace_range(begin..=end, "?");
        }
        assert!(!rest.contains("OR 1=1") && !rest.contains("--") && !rest.contains('{'), "{rest}");
        assert_eq!(of_span(&Filters::default()), "1");
    }
}
