//! Tokens and money of a run, in total and by model, agent and tool.
//!
//! Invariant: a call is counted once, however many instrumentations report it, and a cost that
//! nobody said is unpriced, never 0.

use super::run::Run;
use crate::api::moment::milliseconds;
use crate::api::money::Cost;
use crate::api::span_view::{Tokens, cut};
use crate::model::{LlmCall, Operation, Settled, Span};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

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
    /// Places of spans that report a call which another one reports too.
    pub(super) second_reports: BTreeSet<usize>,
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
                    if !share.counts {
                        accounts.second_reports.insert(place);
                    }
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
        self.cost.add_settled(share, failed);
    }
}

fn as_milliseconds<S: Serializer>(nanoseconds: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(milliseconds(*nanoseconds))
}

fn unprovided<'n>(name: &'n str, account: &Account, longest_text: usize) -> Named<'n> {
    Named { provider: None, name: cut(name, longest_text), account: *account }
}

/// The greatest first; equals stay in the order of their names.
fn ranked<'n>(mut named: Vec<Named<'n>>, size: impl Fn(&Account) -> u64) -> Vec<Named<'n>> {
    named.sort_by_key(|named| std::cmp::Reverse(size(&named.account)));
    named
}
