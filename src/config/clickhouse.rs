//! `storage.clickhouse`: a section that only counts where the backend is ClickHouse.

use std::path::PathBuf;
use std::time::Duration;

use super::build::{Builder, read_text_file};
use super::secret::Secret;
use super::sections::ClickHouse;
use super::values::Values;

/// Mistakes are told whether ClickHouse is used or not.
pub(super) fn clickhouse(builder: &mut Builder, values: &Values) -> Option<ClickHouse> {
    const FILE: &str = "storage.clickhouse.password_file";
    let path: Option<PathBuf> = values.get(FILE);
    let mut password: Option<Secret> = values.get("storage.clickhouse.password");
    if let Some(path) = path {
        if password.is_some() {
            let what = "stands beside storage.clickhouse.password: one of them is enough";
            builder.problem(values.origin(FILE), FILE, what.to_owned());
        }
        match read_text_file(&builder.directory.join(&path)) {
            Ok(text) => password = Some(Secret::new(text.trim())),
            Err(what) => {
                let what = format!("{} {what}", path.display());
                builder.problem(values.origin(FILE), FILE, what);
            }
        }
    }
    let used = values.get::<&str>("storage.backend") == "clickhouse";
    let seconds: u64 = values.get("storage.clickhouse.flush_seconds");
    used.then(|| ClickHouse {
        url: values.get("storage.clickhouse.url"),
        database: values.get("storage.clickhouse.database"),
        user: values.get("storage.clickhouse.user"),
        password,
        traces_table: values.get("storage.clickhouse.traces_table"),
        logs_table: values.get("storage.clickhouse.logs_table"),
        create_schema: values.get("storage.clickhouse.create_schema"),
        batch_rows: values.get("storage.clickhouse.batch_rows"),
        flush: Duration::from_secs(seconds),
    })
}
