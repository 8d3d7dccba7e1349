//! A strict reading of pages, for tests: what the two forms allow, and nothing else.
//!
//! It knows nothing of how pages are written. In the integration tests a foreign parser reads
//! them as well.

use std::collections::{BTreeMap, BTreeSet};

/// A family as a reader sees it.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Family {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) help: String,
    pub(crate) unit: Option<String>,
    pub(crate) samples: Vec<Sample>,
}

#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
    /// Labels and value.
    pub(crate) exemplar: Option<(BTreeMap<String, String>, f64)>,
}

/// Reads a page or says what is wrong with it.
pub(crate) fn read(page: &str, open: bool) -> Result<Vec<Family>, String> {
    let body = match open {
        true => page.strip_suffix("# EOF\n").ok_or("no end")?,
        false => page,
    };
    if !body.is_empty() && !body.ends_with('\n') || body.contains('\r') {
        return Err("a line does not end".to_owned());
    }
    let mut families: Vec<Family> = Vec::new();
    for line in body.lines() {
        let wrong = |what: &str| format!("{what}: {line}");
        if let Some(rest) = line.strip_prefix("# ") {
            let (word, rest) = rest.split_once(' ').ok_or(wrong("comment"))?;
            let (name, rest) = rest.split_once(' ').ok_or(wrong("comment"))?;
            if families.last().is_none_or(|family| family.name != name) {
                families.push(Family { name: name.to_owned(), ..Family::default() });
            }
            let family = families.last_mut().expect("one was just pushed");
            if !family.samples.is_empty() {
                return Err(wrong("metadata after samples"));
            }
            match word {
                "HELP" => family.help = unescape(rest, open).ok_or(wrong("help"))?,
                "TYPE" => rest.clone_into(&mut family.kind),
                "UNIT" if open => family.unit = Some(rest.to_owned()),
                _ => return Err(wrong("comment")),
            }
        } else {
            let sample = sample(line, open).ok_or(wrong("sample"))?;
            let family = families.last_mut().ok_or(wrong("sample without a family"))?;
            family.samples.push(sample);
        }
    }
    check(&families, open)?;
    Ok(families)
}

fn check(families: &[Family], open: bool) -> Result<(), String> {
    let (mut names, mut claimed, mut series) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for family in families {
        let name = &family.name;
        if !is_name(name) || !names.insert(name) || family.samples.is_empty() {
            return Err(format!("{name}: illegal, twice or empty"));
        }
        for suffix in suffixes(&family.kind, open).ok_or(format!("{name}: {}", family.kind))? {
            if !claimed.insert(format!("{name}{suffix}")) {
                return Err(format!("{name}{suffix} clashes"));
            }
        }
        if family.unit.as_ref().is_some_and(|unit| !name.ends_with(&format!("_{unit}"))) {
            return Err(format!("{name}: unit {:?}", family.unit));
        }
        for sample in &family.samples {
            if !series.insert((&sample.name, &sample.labels)) {
                return Err(format!("{sample:?} stands twice"));
            }
            let suffix = sample.name.strip_prefix(&**name).ok_or(format!("{sample:?}"))?;
            check_sample(family, suffix, sample, open)?;
        }
        if family.kind == "histogram" {
            check_histogram(family, open)?;
        }
    }
    Ok(())
}

/// The ends of names that a family takes for itself.
fn suffixes(kind: &str, open: bool) -> Option<&'static [&'static str]> {
    Some(match (kind, open) {
        ("counter", true) => &["", "_total", "_created"],
        ("counter" | "gauge", _) => &[""],
        ("untyped", false) | ("unknown", true) => &[""],
        ("info", true) => &["", "_info"],
        ("histogram", _) => &["", "_bucket", "_sum", "_count", "_created"],
        ("summary", _) => &["", "_sum", "_count", "_created"],
        _ => return None,
    })
}

fn check_sample(family: &Family, suffix: &str, sample: &Sample, open: bool) -> Result<(), String> {
    let has = |label: &str| sample.labels.contains_key(label);
    let right = match (&*family.kind, suffix) {
        ("counter", "_total") if open => sample.value >= 0.0,
        ("counter", "") if !open => sample.value >= 0.0,
        ("info", "_info") => sample.value == 1.0,
        ("gauge" | "unknown" | "untyped", "") => true,
        ("histogram", "_bucket") => has("le") && sample.value >= 0.0,
        ("histogram" | "summary", "_count") => sample.value >= 0.0,
        ("histogram" | "summary", "_sum") => !open || sample.value >= 0.0,
        ("summary", "") => has("quantile"),
        _ => false,
    };
    let reserved = has("__name__") || has("le") != (suffix == "_bucket");
    let exemplars = open && matches!(suffix, "_total" | "_bucket");
    if let Some((labels, value)) = &sample.exemplar {
        let length: usize = labels.iter().map(|(k, v)| k.chars().count() + v.chars().count()).sum();
        if !exemplars || length > 128 || !value.is_finite() {
            return Err(format!("{sample:?}: exemplar"));
        }
    }
    if right && !reserved { Ok(()) } else { Err(format!("{}: {sample:?}", family.kind)) }
}

fn check_histogram(family: &Family, open: bool) -> Result<(), String> {
    let mut rows: BTreeMap<BTreeMap<String, String>, Vec<(f64, f64)>> = BTreeMap::new();
    let mut counts = BTreeMap::new();
    for sample in &family.samples {
        let mut labels = sample.labels.clone();
        if let Some(le) = labels.remove("le") {
            let bound = number(&le).ok_or(format!("le {le}"))?;
            if open && !le.contains(['.', 'e', 'I']) {
                return Err(format!("le {le} is not canonical"));
            }
            rows.entry(labels).or_default().push((bound, sample.value));
        } else if sample.name.ends_with("_count") {
            counts.insert(labels, sample.value);
        }
    }
    for (labels, buckets) in &rows {
        let ascend = buckets.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 <= two[1].1);
        let (last, all) = *buckets.last().ok_or("no bucket")?;
        let counted = counts.get(labels).is_none_or(|count| *count == all);
        if !ascend || last != f64::INFINITY || !counted {
            return Err(format!("{}: {buckets:?}", family.name));
        }
    }
    if counts.keys().all(|labels| rows.contains_key(labels)) {
        Ok(())
    } else {
        Err(format!("{}: a count without buckets", family.name))
    }
}

fn sample(line: &str, open: bool) -> Option<Sample> {
    let (line, exemplar) = match line.split_once(" # ").filter(|_| open && !in_quotes(line)) {
        Some((line, exemplar)) => {
            let (labels, rest) = labels(exemplar)?;
            let mut numbers = rest.strip_prefix(' ')?.split(' ');
            let value = number(numbers.next()?)?;
            numbers.next().map_or(Some(0.0), number)?;
            (line, Some((labels, value)))
        }
        None => (line, None),
    };
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.starts_with('{') {
        true => labels(rest)?,
        false => (BTreeMap::new(), rest),
    };
    let value = number(rest.strip_prefix(' ')?)?;
    is_name(name).then(|| Sample { name: name.to_owned(), labels, value, exemplar })
}

/// Whether the first ` # ` of the line stands within a label's value.
fn in_quotes(line: &str) -> bool {
    let before = line.split_once(" # ").map_or("", |(before, _)| before);
    let mut quoted = false;
    let mut characters = before.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => drop(characters.next()),
            '"' => quoted = !quoted,
            _ => {}
        }
    }
    quoted
}

/// The labels in braces at the beginning, and what follows.
fn labels(text: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut rest = text.strip_prefix('{')?;
    let mut labels = BTreeMap::new();
    while !rest.starts_with('}') {
        let (name, after) = rest.split_once("=\"")?;
        let mut escaped = false;
        let end = after.char_indices().find_map(|(at, c)| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends.then_some(at)
        })?;
        let value = unescape(&after[..end], true)?;
        let legal = is_name(name) && !name.contains(':');
        if !legal || labels.insert(name.to_owned(), value).is_some() {
            return None;
        }
        rest = &after[end + 1..];
        match rest.strip_prefix(',') {
            Some(more) if more.starts_with('}') => return None,
            Some(more) => rest = more,
            None if rest.starts_with('}') => {}
            None => return None,
        }
    }
    Some((labels, &rest[1..]))
}

fn unescape(text: &str, quotes: bool) -> Option<String> {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next()? {
                'n' => out.push('\n'),
                '\\' => out.push('\\'),
                '"' if quotes => out.push('"'),
                _ => return None,
            },
            '"' if quotes => return None,
            c => out.push(c),
        }
    }
    Some(out)
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        text if text.contains(['i', 'n', 'I', 'N']) => None,
        text => text.parse().ok(),
    }
}

fn is_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':');
    let legal = |c: char| first(c) || c.is_ascii_digit();
    name.starts_with(first) && name.chars().all(legal)
}

#[test]
fn wrong_pages_are_found() {
    let head = "# HELP a A.\n# TYPE a ";
    let good =
        ["gauge\na 1\n", "gauge\na{b=\"\\\"}\"} NaN\n", "counter\na_total 1 # {t=\"1\"} 1\n"];
    for rest in good {
        read(&format!("{head}{rest}# EOF\n"), true).unwrap();
    }
    for rest in [
        "gauge\na 1",
        "gauge\na{b=\"x\",b=\"y\"} 1\n",
        "gauge\na{b=\"x\",} 1\n",
        "gauge\na 1\na 2\n",
        "gauge\na 1 # {t=\"1\"} 1\n",
        "gauge\na inf\n",
        "counter\na 1\n",
        "counter\na_total -1\n",
        "gauge\na{__name__=\"x\"} 1\n",
        "histogram\na_bucket{le=\"1.0\"} 2\na_bucket{le=\"+Inf\"} 1\n",
        "histogram\na_bucket{le=\"1.0\"} 2\n",
        "histogram\na_bucket{le=\"+Inf\"} 1\na_count 2\n",
        "gauge\na 1\n# HELP a_b B.\n# TYPE a_b gauge\nc 1\n",
        "counter\na_total 1\n# HELP a_total A.\n# TYPE a_total gauge\na_total 1\n",
        "gauge\na 1\n\n",
    ] {
        assert!(read(&format!("{head}{rest}# EOF\n"), true).is_err(), "{rest}");
    }
    assert!(read("", true).is_err());
}
