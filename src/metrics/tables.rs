//! Families with any number of labels that are read together when the page is asked for.

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

use super::catalog::Family;
use super::collectors::{Page, describe, gathered};

/// The rows of one family: label values in the catalog's order, and the value.
pub type Rows = Vec<(Vec<String>, f64)>;

/// Families of the catalog, read together.
struct Tables<R> {
    families: &'static [&'static Family],
    descriptions: Vec<Desc>,
    read: R,
}

impl Page {
    /// Shows families, read at every scrape; `read` gives the rows of each in the same order.
    pub fn tables(
        &self,
        families: &'static [&'static Family],
        read: impl Fn() -> Vec<Rows> + Send + Sync + 'static,
    ) {
        let descriptions = families.iter().map(|family| describe(family)).collect();
        self.add(Tables { families, descriptions, read });
    }
}

impl<R: Fn() -> Vec<Rows> + Send + Sync> Collector for Tables<R> {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let tables = (self.read)();
        debug_assert_eq!(tables.len(), self.families.len(), "a table for each family");
        let families = self.families.iter().zip(tables).filter(|(_, rows)| !rows.is_empty());
        families.map(|(family, rows)| gathered(family, &rows)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Format, Registry, catalog};

    #[test]
    fn rows_have_their_labels_and_empty_families_stay_away() {
        let page = Page::new(&Registry::default());
        static FAMILIES: &[&Family] =
            &[&catalog::TEAM_BUDGET_USED_RATIO, &catalog::COST_BUDGET_USED, &catalog::TEAM_SPEND];
        page.tables(FAMILIES, || {
            let labels = |texts: &[&str]| texts.iter().map(|it| (*it).to_owned()).collect();
            let ratio = vec![(labels(&["a\"b", "daily", "usd"]), 0.5)];
            vec![ratio, vec![(labels(&["acme", "daily"]), 1.5)], Vec::new()]
        });
        let text = page.render(Format::Text);
        for line in [
            "team_budget_used_ratio{team=\"a\\\"b\",period=\"daily\",unit=\"usd\"} 0.5",
            "# TYPE cost_budget_used_usd_total counter",
            "cost_budget_used_usd_total{tenant_id=\"acme\",period=\"daily\"} 1.5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
        assert!(!text.contains("team_spend_usd"));
    }
}
