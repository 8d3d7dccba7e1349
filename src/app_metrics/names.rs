//! OpenTelemetry's names as Prometheus has them.
//!
//! The rules are those of the OpenTelemetry specification, "Prometheus and OpenMetrics
//! Compatibility": illegal characters become `_`, the unit and `_total` are added where the name
//! does not say them. Two things are stricter: a colon becomes `_`, because Prometheus reserves it
//! for recording rules; and a name that belongs to Pharos gets the prefix `app_`.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::limits;
use crate::metrics::catalog::{self, Kind, PLANNED, Unit};

/// What a family is to Prometheus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Counter,
    Gauge,
    Histogram,
    Summary,
}

/// What the name of an app's metric gets when it is one of Pharos' own.
const PREFIX: &str = "app_";
/// Beginnings that belong to Pharos, to the process it runs in, and to Prometheus.
const OWN_PREFIXES: [&str; 3] = ["pharos_", "process_", "scrape_"];
/// Series that Prometheus makes itself.
const PROMETHEUS: [&str; 3] = ["up", "ALERTS", "ALERTS_FOR_STATE"];
/// What is told of a resource.
pub(super) const TARGET_INFO: &str = "target_info";

/// Units by UCUM and their words.
const UNITS: [(&str, &str); 29] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("kBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("1", ""),
    ("%", "percent"),
    ("USD", "usd"),
    ("$", "usd"),
];
/// The same after a slash.
const PER_UNITS: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

/// Every name that a family of Pharos takes for itself, in either form of the page.
static TAKEN: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let planned = PLANNED.iter().flat_map(|planned| {
        let shape = match planned.name {
            name if name.ends_with("_total") => Shape::Counter,
            name if name.ends_with("_duration_seconds") => Shape::Histogram,
            _ => Shape::Gauge,
        };
        claims(planned.name, shape)
    });
    let recorded = catalog::all().flat_map(|family| match family.kind {
        Kind::Counter | Kind::Amount => claims(family.name, Shape::Counter),
        Kind::Gauge if family.unit == Unit::Info => {
            vec![family.name.to_owned(), family.name.trim_end_matches("_info").to_owned()]
        }
        Kind::Gauge => claims(family.name, Shape::Gauge),
        Kind::Histogram(_) => claims(family.name, Shape::Histogram),
    });
    let target = [TARGET_INFO, "target"].map(str::to_owned);
    recorded.chain(planned).chain(PROMETHEUS.map(str::to_owned)).chain(target).collect()
});

/// The name on the page, suffixes included; `None` where there is none.
pub(super) fn page_name(name: &str, unit: &str, shape: Shape, gauge: bool) -> Option<String> {
    if name.len() > limits::APP_NAME_BYTES || unit.len() > limits::APP_NAME_BYTES {
        return None;
    }
    let mut words = words(name);
    if words.is_empty() {
        return None;
    }
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let own = |words: &[String], word: &str| words.iter().any(|known| known == word);
    if let Some(word) = unit_word(main, &UNITS).filter(|word| !own(&words, word)) {
        words.push(word);
    }
    if let Some(word) = unit_word(per, &PER_UNITS).filter(|word| !own(&words, word)) {
        words.extend(["per".to_owned(), word]);
    }
    let last = match shape {
        Shape::Counter => Some("total"),
        _ if gauge && unit.trim() == "1" => Some("ratio"),
        _ => None,
    };
    if let Some(last) = last {
        words.retain(|word| word != last);
        words.push(last.to_owned());
    }
    let mut page = words.join("_");
    if page.starts_with(|c: char| c.is_ascii_digit()) {
        page.insert(0, '_');
    }
    let own = OWN_PREFIXES.iter().any(|prefix| page.starts_with(prefix));
    if own || claims(&page, shape).iter().any(|claim| TAKEN.contains(claim)) {
        page.insert_str(0, PREFIX);
    }
    (page.len() <= 2 * limits::APP_NAME_BYTES).then_some(page)
}

/// What a family takes for itself: its name in either form of the page and those of its samples.
pub(super) fn claims(name: &str, shape: Shape) -> Vec<String> {
    let stem = match shape {
        Shape::Counter => name.strip_suffix("_total").unwrap_or(name),
        _ => name,
    };
    let suffixes: &[&str] = match shape {
        Shape::Counter => &["", "_total", "_created"],
        Shape::Gauge => &[""],
        Shape::Histogram => &["", "_bucket", "_sum", "_count", "_created"],
        Shape::Summary => &["", "_sum", "_count", "_created"],
    };
    suffixes.iter().map(|suffix| format!("{stem}{suffix}")).collect()
}

/// The runs of letters and digits.
fn words(name: &str) -> Vec<String> {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The word of a unit. What stands in braces says what is counted and is no unit.
fn unit_word(unit: &str, known: &[(&str, &str)]) -> Option<String> {
    let unit = unit.trim();
    if unit.contains(['{', '}']) {
        return None;
    }
    let word = known.iter().find(|(ucum, _)| *ucum == unit);
    let word = word.map_or_else(|| words(unit).join("_"), |(_, word)| (*word).to_owned());
    (!word.is_empty()).then_some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, unit: &str, shape: Shape, expected: &str) {
        let page = page_name(name, unit, shape, shape == Shape::Gauge);
        assert_eq!(page.as_deref().unwrap_or("none"), expected, "{name} in {unit}");
    }

    #[test]
    fn names_follow_the_rules_of_opentelemetry() {
        use Shape::{Counter, Gauge, Histogram, Summary};
        check("agent.requests", "{request}", Counter, "agent_requests_total");
        check("agent.requests.total", "1", Counter, "agent_requests_total");
        check("workflow.stage.time", "s", Histogram, "workflow_stage_time_seconds");
        check("workflow.seconds", "s", Histogram, "workflow_seconds");
        check("http.client.body", "By", Counter, "http_client_body_bytes_total");
        check("disk.usage", "1", Gauge, "disk_usage_ratio");
        check("disk.usage", "1", Histogram, "disk_usage");
        check("speed", "m/s", Gauge, "speed_meters_per_second");
        check("rate", "{token}/s", Gauge, "rate_per_second");
        check("load", "%", Gauge, "load_percent");
        check("latency", "ms", Summary, "latency_milliseconds");
        check("price", "USD", Counter, "price_usd_total");
        check("a..b--c__d", "", Gauge, "a_b_c_d");
        check("a:b", "", Gauge, "a_b");
        check("9lives", "", Gauge, "_9lives");
        check("größe", "", Gauge, "gr_e");
        check("temp", "furlong", Gauge, "temp_furlong");
        check("gen_ai.client.token.usage", "{token}", Histogram, "gen_ai_client_token_usage");
        check("", "s", Gauge, "none");
        check("…", "s", Gauge, "none");
        check(&"x".repeat(300), "", Gauge, "none");
    }

    #[test]
    fn what_is_pharos_own_gets_a_prefix() {
        use Shape::{Counter, Gauge, Histogram};
        check("llm.requests", "", Counter, "app_llm_requests_total");
        check("llm_requests_total", "", Counter, "app_llm_requests_total");
        check("llm.request.duration", "s", Histogram, "app_llm_request_duration_seconds");
        // A gauge that OpenMetrics could not tell from the family of a counter.
        check("llm.requests", "", Gauge, "app_llm_requests");
        check(
            "llm.request.duration.seconds.count",
            "",
            Gauge,
            "app_llm_request_duration_seconds_count",
        );
        check("process.cpu.time", "s", Counter, "app_process_cpu_time_seconds_total");
        check("pharos.up", "", Gauge, "app_pharos_up");
        check("scrape.x", "", Gauge, "app_scrape_x");
        check("up", "", Gauge, "app_up");
        check("target.info", "", Gauge, "app_target_info");
        check("target", "", Gauge, "app_target");
        check("system.info", "", Gauge, "app_system_info");
    }
}
