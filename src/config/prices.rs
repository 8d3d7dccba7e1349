//! The keys about prices, and the section they make.

use super::build::Builder;
use super::key::{Key, Kind, Preset};
use super::sections::Prices;
use super::table::seconds;
use super::values::Values;
use crate::limits;

const DAY: u64 = 24 * 60 * 60;

/// In the order in which people read about them.
pub(super) const KEYS: &[Key] = &[
    Key {
        name: "prices.file",
        kind: Kind::Text,
        preset: Preset::Absent,
        doc: "Prices in the form of LiteLLM's price map: a path, or several separated by commas, \
              relative to the working directory. Read again when a file changes and on SIGHUP; \
              a wrong one changes nothing.",
    },
    Key {
        name: "prices.builtin",
        kind: Kind::Switch,
        preset: Preset::Text("true"),
        doc: "Whether the built-in table holds where no file says anything.",
    },
    Key {
        name: "prices.stale_after",
        kind: seconds(DAY, 3_650 * DAY),
        preset: Preset::Text("90d"),
        doc: "The age from which on the newest prices are called stale.",
    },
];

/// The section.
pub(super) fn prices(builder: &mut Builder, values: &Values) -> Prices {
    let said: Option<String> = values.get("prices.file");
    let names = said.iter().flat_map(|paths| paths.split(',')).map(str::trim);
    let files: Vec<std::path::PathBuf> =
        names.filter(|path| !path.is_empty()).map(Into::into).collect();
    if files.len() > limits::PRICE_FILES {
        let what = format!("names more than {} files", limits::PRICE_FILES);
        builder.problem(values.origin("prices.file"), "prices.file", what);
    }
    if let Some(twice) = files.iter().enumerate().find(|(at, path)| files[..*at].contains(path)) {
        let what = format!("names {} twice", twice.1.display());
        builder.problem(values.origin("prices.file"), "prices.file", what);
    }
    Prices {
        files,
        builtin: values.get("prices.builtin"),
        stale_after: values.get("prices.stale_after"),
    }
}
