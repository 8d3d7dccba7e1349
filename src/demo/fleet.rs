//! The platform that is played: tenants, agents, models, tools and workflows, as data.

/// How an agent's instrumentation speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// OTel GenAI conventions as of 1.41.
    GenAi,
    /// The same before 1.37: `gen_ai.system`, `prompt_tokens`.
    OldGenAi,
    /// OpenInference.
    OpenInference,
    /// OpenLLMetry (Traceloop).
    OpenLlmetry,
}

/// One agent service.
#[derive(Debug)]
pub(super) struct Agent {
    pub(super) service: &'static str,
    pub(super) name: &'static str,
    /// The team that pays for it.
    pub(super) team: &'static str,
    pub(super) workflow: &'static str,
    pub(super) route: &'static str,
    pub(super) dialect: Dialect,
    pub(super) model: &'static Model,
    pub(super) tools: &'static [Tool],
    /// Model calls of a typical run.
    pub(super) turns: u32,
    /// Runs of this agent per hundred runs of the platform.
    pub(super) weight: u32,
}

/// One model and how fast it is.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) provider: &'static str,
    pub(super) name: &'static str,
    pub(super) answers_as: &'static str,
    /// Typical seconds to the first token.
    pub(super) first_token_seconds: f64,
    /// Typical tokens a second after it.
    pub(super) tokens_per_second: f64,
    /// Calls in a thousand that fail on an ordinary day.
    pub(super) failures_per_thousand: u32,
}

/// One tool and what it leans on.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) typical_seconds: f64,
    pub(super) failures_per_thousand: u32,
    pub(super) leans_on: LeansOn,
}

/// What happens inside a tool.
#[derive(Debug, Clone, Copy)]
pub(super) enum LeansOn {
    /// Nothing that is traced.
    Nothing,
    /// A table of a database.
    Table(&'static str),
    /// Another service over HTTP.
    Service(&'static str),
}

pub(super) const TENANTS: [&str; 5] = ["acme", "globex", "initech", "umbrella", "hooli"];

static GPT_4O_MINI: Model = Model {
    provider: "openai",
    name: "gpt-4o-mini",
    answers_as: "gpt-4o-mini-2024-07-18",
    first_token_seconds: 0.35,
    tokens_per_second: 95.0,
    failures_per_thousand: 8,
};
static GPT_4O: Model = Model {
    provider: "openai",
    name: "gpt-4o",
    answers_as: "gpt-4o-2024-11-20",
    first_token_seconds: 0.6,
    tokens_per_second: 70.0,
    failures_per_thousand: 12,
};
static SONNET: Model = Model {
    provider: "anthropic",
    name: "claude-sonnet-4-5",
    answers_as: "claude-sonnet-4-5-20250929",
    first_token_seconds: 0.9,
    tokens_per_second: 60.0,
    failures_per_thousand: 15,
};
static GEMINI_FLASH: Model = Model {
    provider: "gcp.gemini",
    name: "gemini-2.5-flash",
    answers_as: "gemini-2.5-flash",
    first_token_seconds: 0.4,
    tokens_per_second: 150.0,
    failures_per_thousand: 10,
};
static IN_HOUSE: Model = Model {
    provider: "openai",
    name: "house-llama-70b",
    answers_as: "house-llama-70b",
    first_token_seconds: 1.4,
    tokens_per_second: 45.0,
    failures_per_thousand: 25,
};

const fn tool(
    name: &'static str,
    typical_seconds: f64,
    failures_per_thousand: u32,
    leans_on: LeansOn,
) -> Tool {
    Tool { name, typical_seconds, failures_per_thousand, leans_on }
}

pub(super) static AGENTS: [Agent; 6] = [
    Agent {
        service: "support-agent",
        name: "support",
        team: "support",
        workflow: "answer_ticket",
        route: "/v1/tickets/{id}/answer",
        dialect: Dialect::GenAi,
        model: &GPT_4O_MINI,
        tools: &[
            tool("search_orders", 0.08, 10, LeansOn::Table("orders")),
            tool("refund", 0.6, 40, LeansOn::Service("payments")),
            tool("search_kb", 0.25, 15, LeansOn::Table("articles")),
        ],
        turns: 3,
        weight: 42,
    },
    Agent {
        service: "research-agent",
        name: "researcher",
        team: "research",
        workflow: "deep_research",
        route: "/v1/research",
        dialect: Dialect::OpenInference,
        model: &SONNET,
        tools: &[
            tool("web_search", 1.2, 60, LeansOn::Service("search")),
            tool("read_page", 1.5, 90, LeansOn::Service("browser")),
        ],
        turns: 3,
        weight: 12,
    },
    Agent {
        service: "coding-agent",
        name: "coder",
        team: "platform",
        workflow: "fix_issue",
        route: "/v1/issues/{id}/fix",
        dialect: Dialect::OpenLlmetry,
        model: &GPT_4O,
        tools: &[
            tool("run_tests", 4.0, 120, LeansOn::Nothing),
            tool("read_file", 0.02, 5, LeansOn::Nothing),
            tool("apply_patch", 0.05, 70, LeansOn::Nothing),
        ],
        turns: 4,
        weight: 14,
    },
    Agent {
        service: "extraction-agent",
        name: "extractor",
        team: "platform",
        workflow: "extract_invoice",
        route: "/v1/invoices",
        dialect: Dialect::GenAi,
        model: &GEMINI_FLASH,
        tools: &[tool("lookup_supplier", 0.05, 8, LeansOn::Table("suppliers"))],
        turns: 1,
        weight: 22,
    },
    Agent {
        service: "planner-agent",
        name: "planner",
        team: "research",
        workflow: "plan_route",
        route: "/v1/routes",
        dialect: Dialect::OldGenAi,
        model: &GPT_4O_MINI,
        tools: &[tool("geocode", 0.3, 20, LeansOn::Service("maps"))],
        turns: 2,
        weight: 8,
    },
    Agent {
        service: "batch-agent",
        name: "summarizer",
        team: "platform",
        workflow: "nightly_digest",
        route: "/v1/digests",
        dialect: Dialect::OpenInference,
        model: &IN_HOUSE,
        tools: &[tool("fetch_mailbox", 2.0, 30, LeansOn::Service("mail"))],
        turns: 5,
        weight: 2,
    },
];
