//! What is left of budgets.

use super::{Family, Kind, Label, Source, Unit, closed, families, open};

const TENANT: Label = open("tenant_id");
const TEAM: Label = open("team");
const PERIOD: Label = closed("period", &["daily", "monthly"]);
const UNIT: Label = closed("unit", &["tokens", "usd"]);
const KIND: Label = closed("kind", &["tenant", "team"]);

families! {
    TOKEN_BUDGET_LIMIT = Kind::Gauge, "token_budget_limit", Items, [TENANT, PERIOD], Scrape,
        "Tokens that a tenant may use in a period.";
    TOKEN_BUDGET_USAGE = Kind::Gauge, "token_budget_usage", Items, [TENANT, PERIOD], Scrape,
        "Tokens that a tenant has used in the current period.";
    TOKEN_BUDGET_REMAINING = Kind::Gauge, "token_budget_remaining", Items,
        [TENANT, PERIOD], Scrape,
        "Tokens that a tenant may still use in the current period.";
    TOKEN_BUDGET_USED = Kind::Counter, "token_budget_used_total", Items,
        [TENANT, PERIOD], Scrape,
        "Tokens that a tenant with such a budget has ever used; it goes on when a period ends.";
    TOKEN_BUDGET_EXHAUSTION = Kind::Gauge, "token_budget_exhaustion_timestamp_seconds", Seconds,
        [TENANT, PERIOD], Scrape,
        "When a tenant's tokens will be used up if use goes on as in the last hours, as a Unix \
         time; absent where they will last.";
    COST_BUDGET_LIMIT = Kind::Gauge, "cost_budget_limit_usd", Usd, [TENANT, PERIOD], Scrape,
        "What a tenant may spend in a period.";
    COST_BUDGET_USAGE = Kind::Gauge, "cost_budget_usage_usd", Usd, [TENANT, PERIOD], Scrape,
        "What a tenant has spent in the current period on calls whose cost is known.";
    COST_BUDGET_REMAINING = Kind::Gauge, "cost_budget_remaining_usd", Usd,
        [TENANT, PERIOD], Scrape,
        "What a tenant may still spend in the current period.";
    COST_BUDGET_USED = Kind::Amount, "cost_budget_used_usd_total", Usd, [TENANT, PERIOD], Scrape,
        "What a tenant with such a budget has ever spent; it goes on when a period ends.";
    COST_BUDGET_EXHAUSTION = Kind::Gauge, "cost_budget_exhaustion_timestamp_seconds", Seconds,
        [TENANT, PERIOD], Scrape,
        "When a tenant's money will be spent if use goes on as in the last hours, as a Unix \
         time; absent where it will last.";
    TEAM_SPEND = Kind::Gauge, "team_spend_usd", Usd, [TEAM], Scrape,
        "What a team has spent in the current month, as far as the cost is known.";
    TEAM_BUDGET_LIMIT = Kind::Gauge, "team_budget_limit_usd", Usd, [TEAM], Scrape,
        "What a team may spend in a month.";
    TEAM_BUDGET_USED_RATIO = Kind::Gauge, "team_budget_used_ratio", Items,
        [TEAM, PERIOD, UNIT], Scrape,
        "The part of a team's budget that is used in the current period; more than 1 beyond it.";
    BUDGET_REFUSALS = Kind::Counter, "pharos_budget_refusals_total", Items,
        [KIND, PERIOD, UNIT], Process,
        "Calls that were refused because a budget is used up, by that budget.";
    BUDGET_UNPRICED = Kind::Counter, "pharos_budget_unpriced_total", Items,
        [closed("decision", &["allowed", "refused"])], Process,
        "Calls without a known price that were asked for under an enforced budget in USD.";
    BUDGET_EXPIRED = Kind::Counter, "pharos_budget_reservations_expired_total", Items, [], Process,
        "Calls for which something was reserved and that were never reported.";
    BUDGET_RESERVATIONS = Kind::Gauge, "pharos_budget_reservations", Items, [], Scrape,
        "Calls in flight for which something is reserved.";
    BUDGET_LATE = Kind::Counter, "pharos_budget_late_total", Items, [PERIOD], Scrape,
        "Uses that were heard of when their period was no longer kept; budgets lack them.";
    BUDGET_OVERFLOW = Kind::Counter, "pharos_budget_overflow_total", Items, [KIND], Scrape,
        "Uses of tenants or teams beyond the bound, which share the budget of other.";
    BUDGET_IMPLAUSIBLE = Kind::Counter, "pharos_budget_implausible_total", Items, [], Scrape,
        "Tokens or costs that no call can have; budgets lack them.";
    BUDGET_REPORTS = Kind::Counter, "pharos_budget_reports_total", Items,
        [closed("what", &["spend", "token_budget"]),
         closed("outcome", &["counted", "repeats_calls", "not_needed", "unusable"])], Scrape,
        "What apps reported of spend and budgets, by what became of it.";
}
