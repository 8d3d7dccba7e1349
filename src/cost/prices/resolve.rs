//! From a model's name, as a sender writes it, to names that a table may have.
//!
//! The rules, each tried only where the ones before found nothing:
//! 1. the name itself, without regard to case;
//! 2. without the path before it (`models/…`, `publishers/google/models/…`, an ARN);
//! 3. without Bedrock's version (`-v1:0`), then without a date (`-2024-08-06`, `-20250514`,
//!    `@20250514`, Mistral's `-2411`, Google's `-001`), then without `-latest`;
//! 4. on Bedrock, all of that without the region (`us.`, `eu.`, …).
//!
//! A fine-tuned model (`ft:gpt-4o-mini:acme::id`) costs what the table says of `ft:gpt-4o-mini`,
//! never what the model costs that it was made of. Nothing here compares by likeness.

/// Regions that stand before the names of Bedrock's models.
static REGIONS: &[&str] =
    &["us-gov.", "global.", "apac.", "us.", "eu.", "ap.", "au.", "ca.", "jp.", "sa."];

/// The names to look up at a provider, the most exact one first.
pub(super) fn candidates(provider: &str, model: &str) -> Vec<String> {
    let name = model.to_ascii_lowercase();
    let mut found = Vec::with_capacity(8);
    if let Some(tuned) = name.strip_prefix("ft:") {
        let base = tuned.split(':').next().unwrap_or_default();
        push(&mut found, name.clone());
        push(&mut found, format!("ft:{base}"));
        push(&mut found, format!("ft:{}", undated(provider, base).unwrap_or(base)));
        return found;
    }
    forms(provider, &name, &mut found);
    let bare = without_path(&name);
    forms(provider, bare, &mut found);
    if provider == "aws.bedrock"
        && let Some(anywhere) = REGIONS.iter().find_map(|region| bare.strip_prefix(region))
    {
        forms(provider, anywhere, &mut found);
    }
    found
}

/// A name with less and less of what only tells which release it is.
fn forms(provider: &str, name: &str, found: &mut Vec<String>) {
    push(found, name.to_owned());
    let mut rest = name;
    if provider == "aws.bedrock"
        && !name.starts_with("arn:")
        && let Some(shorter) = unversioned(rest)
    {
        push(found, shorter.to_owned());
        rest = shorter;
    }
    if let Some(shorter) = undated(provider, rest) {
        push(found, shorter.to_owned());
        rest = shorter;
    }
    for moving in ["-latest", "@latest", "@default"] {
        if let Some(shorter) = rest.strip_suffix(moving) {
            push(found, shorter.to_owned());
        }
    }
}

fn push(found: &mut Vec<String>, name: String) {
    if !name.is_empty() && !found.contains(&name) {
        found.push(name);
    }
}

/// `arn:aws:bedrock:…:foundation-model/anthropic.claude…` and the paths of Google's models. What
/// an application's own inference profile stands for is not in its name.
fn without_path(name: &str) -> &str {
    let known = ["models/", ":foundation-model/", ":inference-profile/"];
    let cut = known.iter().filter_map(|path| name.rfind(path).map(|at| at + path.len())).max();
    match cut {
        Some(at) if name.starts_with("arn:") => &name[at..],
        Some(at) if name.starts_with("models/") || name.starts_with("publishers/") => &name[at..],
        Some(at) if name.starts_with("projects/") => &name[at..],
        _ => name,
    }
}

/// Without `-v1`, `-v1:0`, `:0`, `-v2:0:200k`.
fn unversioned(name: &str) -> Option<&str> {
    let stem = name.split(':').next().unwrap_or(name);
    let shorter = match stem.rsplit_once("-v") {
        Some((before, digits)) if is_digits(digits) => before,
        _ => stem,
    };
    (shorter.len() < name.len()).then_some(shorter)
}

/// Without the date of a release.
fn undated<'n>(provider: &str, name: &'n str) -> Option<&'n str> {
    let bytes = name.as_bytes();
    let cut = |length: usize| name.len().checked_sub(length).filter(|at| *at > 0);
    if let Some(at) = cut(11)
        && bytes[at] == b'-'
        && bytes[at + 5] == b'-'
        && bytes[at + 8] == b'-'
        && is_date(&name[at + 1..at + 5], &name[at + 6..at + 8], &name[at + 9..])
    {
        return Some(&name[..at]);
    }
    if let Some(at) = cut(9)
        && matches!(bytes[at], b'-' | b'@')
        && name.is_char_boundary(at + 5)
        && name.is_char_boundary(at + 7)
        && is_date(&name[at + 1..at + 5], &name[at + 5..at + 7], &name[at + 7..])
    {
        return Some(&name[..at]);
    }
    if provider == "mistral_ai"
        && let Some(at) = cut(5)
        && bytes[at] == b'-'
        && name.is_char_boundary(at + 3)
        && is_date(&format!("20{}", &name[at + 1..at + 3]), &name[at + 3..], "01")
    {
        return Some(&name[..at]);
    }
    if provider.starts_with("gcp.")
        && let Some(at) = cut(4)
        && bytes[at..].starts_with(b"-00")
        && bytes[at + 3].is_ascii_digit()
    {
        return Some(&name[..at]);
    }
    None
}

fn is_date(year: &str, month: &str, day: &str) -> bool {
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| is_digits(text));
    matches!(number(year), Some(2019..=2099))
        && matches!(number(month), Some(1..=12))
        && matches!(number(day), Some(1..=31))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_by_rules_and_by_nothing_else() {
        let check = |provider: &str, model: &str, expected: &[&str]| {
            assert_eq!(candidates(provider, model), expected, "{model}");
        };
        check("openai", "GPT-4o", &["gpt-4o"]);
        check("openai", "gpt-4o-2024-08-06", &["gpt-4o-2024-08-06", "gpt-4o"]);
        check("openai", "gpt-4o-2024-13-06", &["gpt-4o-2024-13-06"]);
        check("openai", "gpt-4-0613", &["gpt-4-0613"]);
        check("openai", "chatgpt-4o-latest", &["chatgpt-4o-latest", "chatgpt-4o"]);
        check(
            "anthropic",
            "claude-sonnet-4-20250514",
            &["claude-sonnet-4-20250514", "claude-sonnet-4"],
        );
        check(
            "gcp.vertex_ai",
            "claude-opus-4@20250514",
            &["claude-opus-4@20250514", "claude-opus-4"],
        );
        check(
            "gcp.gemini",
            "models/gemini-1.5-pro-002",
            &[
                "models/gemini-1.5-pro-002",
                "models/gemini-1.5-pro",
                "gemini-1.5-pro-002",
                "gemini-1.5-pro",
            ],
        );
        check("mistral_ai", "mistral-large-2411", &["mistral-large-2411", "mistral-large"]);
        check(
            "openai",
            "ft:gpt-4o-mini-2024-07-18:acme::9",
            &["ft:gpt-4o-mini-2024-07-18:acme::9", "ft:gpt-4o-mini-2024-07-18", "ft:gpt-4o-mini"],
        );
        check(
            "aws.bedrock",
            "us.anthropic.claude-sonnet-4-20250514-v1:0",
            &[
                "us.anthropic.claude-sonnet-4-20250514-v1:0",
                "us.anthropic.claude-sonnet-4-20250514",
                "us.anthropic.claude-sonnet-4",
                "anthropic.claude-sonnet-4-20250514-v1:0",
                "anthropic.claude-sonnet-4-20250514",
                "anthropic.claude-sonnet-4",
            ],
        );
        check(
            "aws.bedrock",
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
            &[
                "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0",
                "amazon.nova-pro-v1:0",
                "amazon.nova-pro",
            ],
        );
        check("openai", "é-2024-08-06é", &["é-2024-08-06é"]);
    }

    #[test]
    fn no_name_breaks_it() {
        for name in
            ["", "-", "ft:", "ft::", "models/", "arn:", ":", "-v1", "é", "x-ééééé", "@20250514"]
        {
            for provider in ["aws.bedrock", "mistral_ai", "gcp.gemini", "openai"] {
                candidates(provider, name);
            }
        }
    }
}
