//! Families that are promised and that nothing records yet. They are in the reference so that
//! nobody takes their names, and not on the page.

/// A family to come.
#[derive(Debug, PartialEq, Eq)]
pub struct Planned {
    /// Its name.
    pub name: &'static str,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What must exist before it can be recorded.
    pub waits_for: &'static str,
}

const fn planned(
    name: &'static str,
    labels: &'static [&'static str],
    waits_for: &'static str,
) -> Planned {
    Planned { name, labels, waits_for }
}

const RULES: &str = "the rule evaluator";

/// All of them.
pub static PLANNED: &[Planned] = &[
    planned("alerts_evaluated_total", &["alert_type", "status"], RULES),
    planned("alerts_delivered_total", &["delivery_method", "status"], RULES),
];
