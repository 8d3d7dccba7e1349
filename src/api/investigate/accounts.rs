//! Tokens and money of a run, in total and by model, agent and tool.
//!
//! Invariant: a call is counted once, however many instrumentations report it, and a cost that
//! nobody said is unpriced, never 0.

use super::run::Run;
use crate::api::moment::milliseconds;
use crate::api::span_view::{Tokens, cut};
use crate::model::{LlmCall, Operation, Settled, Span};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Calls and what they took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Account {
    /// Tool calls in an account of a tool, LLM calls in the others.
    pub(super) calls: u64,
    errors: u64,
    #[serde(rename = "duration_ms", serialize_with = "as_milliseconds")]
    duration_ns: u64,
    pub(super) tokens: Tokens,
    pub(super) cost: Cost,
}

/// The money of some LLM calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(super) struct Cost {
    /// The sum of the known costs; `null` where none is known.
    #[serde(serialize_with = "as_money")]
    usd: Option<f64>,
    pub(super) state: CostState,
    unpriced_calls: u64,
}

/// How much of a cost is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CostState {
    /// No call that could have cost anything.
    #[default]
    None,
    /// The cost of every call is known.
    Priced,
    /// That of some is.
    Partial,
    /// That of none is.
    Unpriced,
}

/// An account and whose it is.
#[derive(Debug, Serialize)]
pub(super) struct Named<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<Cow<'a, str>>,
    name: Cow<'a, str>,
    #[serde(flatten)]
    account: Account,
}

/// All accounts of a run.
#[derive(Debug, Default)]
pub(super) struct Accounts<'a> {
    pub(super) total: Account,
    by_model: BTreeMap<(Box<str>, Box<str>), Account>,
    by_agent: BTreeMap<&'a str, Account>,
    by_tool: BTreeMap<&'a str, Account>,
    /// Tools in the order of their first use.
    pub(super) tools: Vec<&'a str>,
    pub(super) tool_calls: u64,
}

impl<'a> Accounts<'a> {
    /// Settles every call in the order in which the spans began.
    pub(super) fn of(
        run: &Run<'a>,
        mut settle: impl FnMut(&Span<'a>, &str, &LlmCall<'a>) -> Settled,
    ) -> Self {
        let mut accounts = Self::default();
        let agents = run.inherited(super::run::Node::agent);
        let tools = run.inherited(super::run::Node::tool);
        for (place, node) in run.nodes.iter().enumerate() {
            let failed = node.known.failed;
            let duration_ns = node.span.duration_ns();
            match &node.known.operation {
                Operation::Tool(call) => {
                    accounts.tool_calls += 1;
                    if !accounts.by_tool.contains_key(call.name) {
                        accounts.tools.push(call.name);
                    }
                    accounts.by_tool.entry(call.name).or_default().call(failed, duration_ns);
                }
                Operation::Llm(call) => {
                    let share = settle(&node.span, node.scope, call);
                    let book = |account: &mut Account| {
                        if share.counts {
                            account.call(failed, duration_ns);
                        }
                        account.take(&share, failed);
                    };
                    book(&mut accounts.total);
                    // A second report may name the model in other words than the first.
                    let labels = &share.labels;
                    let model = (labels.provider.clone(), labels.model.clone());
                    book(accounts.by_model.entry(model).or_default());
                    if let Some(agent) = agents[place] {
                        book(accounts.by_agent.entry(agent).or_default());
                    }
                    if let Some(tool) = tools[place] {
                        // Calls and durations of a tool are its own; tokens and money are those
                        // of the models that it asked.
                        accounts.by_tool.entry(tool).or_default().take(&share, failed);
                    }
                }
                _ => {}
            }
        }
        accounts
    }

    /// By model, the most tokens first.
    pub(super) fn models(&self, longest_text: usize) -> Vec<Named<'_>> {
        let named = self.by_model.iter().map(|((provider, model), account)| Named {
            provider: Some(cut(provider, longest_text)),
            name: cut(model, longest_text),
            account: *account,
        });
        ranked(named.collect(), |account| account.tokens.total())
    }

    /// By agent, the most tokens first.
    pub(super) fn agents(&self, longest_text: usize) -> Vec<Named<'_>> {
        let named =
            self.by_agent.iter().map(|(name, account)| unprovided(name, account, longest_text));
        ranked(named.collect(), |account| account.tokens.total())
    }

    /// By tool, the most calls first.
    pub(super) fn by_tool(&self, longest_text: usize) -> Vec<Named<'_>> {
        let named =
            self.by_tool.iter().map(|(name, account)| unprovided(name, account, longest_text));
        ranked(named.collect(), |account| account.calls)
    }
}

impl Account {
    fn call(&mut self, failed: bool, duration_ns: u64) {
        self.calls += 1;
        self.errors += u64::from(failed);
        self.duration_ns = self.duration_ns.saturating_add(duration_ns);
    }

    /// Adds the tokens and the money of one report of an LLM call.
    fn take(&mut self, share: &Settled, failed: bool) {
        self.tokens.add(share.usage);
        let cost = &mut self.cost;
        match share.cost_usd {
            Some(usd) => {
                cost.usd = Some(cost.usd.unwrap_or(0.0) + usd);
                if !share.counts {
                    // The price that the first report of this call lacked.
                    cost.unpriced_calls = cost.unpriced_calls.saturating_sub(1);
                }
            }
            // A failed call that nobody priced cost nothing that anybody knows of.
            None if share.counts && !failed => cost.unpriced_calls += 1,
            None => {}
        }
        cost.state = match (cost.usd, cost.unpriced_calls) {
            (None, 0) => CostState::None,
            (None, _) => CostState::Unpriced,
            (Some(_), 0) => CostState::Priced,
            (Some(_), _) => CostState::Partial,
        };
    }
}

fn as_milliseconds<S: Serializer>(nanoseconds: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(milliseconds(*nanoseconds))
}

/// To a millionth of a millionth of a dollar: 0.1 and 0.2 are 0.3.
fn as_money<S: Serializer>(usd: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    usd.map(|usd| (usd * 1e12).round() / 1e12).serialize(serializer)
}

fn unprovided<'n>(name: &'n str, account: &Account, longest_text: usize) -> Named<'n> {
    Named { provider: None, name: cut(name, longest_text), account: *account }
}

/// The greatest first; equals stay in the order of their names.
fn ranked<'n>(mut named: Vec<Named<'n>>, size: impl Fn(&Account) -> u64) -> Vec<Named<'n>> {
    named.sort_by_key(|named| std::cmp::Reverse(size(&named.account)));
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CallLabels, Usage};
    use std::sync::Arc;

    fn share(counts: bool, input: Option<u64>, cost_usd: Option<f64>) -> Settled {
        let labels = Arc::new(CallLabels { provider: "openai".into(), model: "gpt-4o".into() });
        let usage = Usage { input, ..Usage::default() };
        Settled { counts, usage, cost_usd, time_to_first_token_seconds: None, labels }
    }

    #[test]
    fn unpriced_is_a_state_and_never_zero() {
        let mut account = Account::default();
        assert_eq!((account.cost.state, account.cost.usd), (CostState::None, None));
        account.take(&share(true, None, None), true);
        assert_eq!((account.cost.state, account.cost.usd), (CostState::None, None));
        account.take(&share(true, Some(3), None), false);
        assert_eq!((account.cost.state, account.cost.usd), (CostState::Unpriced, None));
        account.take(&share(true, Some(4), Some(0.0)), false);
        assert_eq!((account.cost.state, account.cost.usd), (CostState::Partial, Some(0.0)));
        // The second report of the unpriced call brings its price.
        account.take(&share(false, None, Some(0.5)), false);
        assert_eq!((account.cost.state, account.cost.usd), (CostState::Priced, Some(0.5)));
        assert_eq!((account.tokens.input, account.tokens.output), (Some(7), None));
    }

    #[test]
    fn sums_of_money_are_written_as_people_add_them() {
        let mut account = Account::default();
        account.take(&share(true, None, Some(0.1)), false);
        account.take(&share(true, None, Some(0.2)), false);
        assert_eq!(serde_json::to_value(account.cost).unwrap()["usd"], 0.3);
    }
}
