//! Saying a step in the words of an instrumentation.

use super::fleet::{Dialect, LeansOn, Tool};
use super::run::{Call, Run, Step, What};

/// A step as a span is about to be encoded.
#[derive(Default)]
pub(super) struct Said {
    pub(super) name: String,
    /// OTLP's span kind number.
    pub(super) kind: u64,
    pub(super) attributes: Vec<(&'static str, Word)>,
    /// An event: its name and how many nanoseconds after the start.
    pub(super) event: Option<(&'static str, u64)>,
}

/// An attribute's value.
pub(super) enum Word {
    Text(String),
    Int(u64),
    Double(f64),
}

const INTERNAL: u64 = 1;
const SERVER: u64 = 2;
const CLIENT: u64 = 3;

/// The scope name under which a dialect's instrumentation sends.
pub(super) fn scope(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::GenAi => "opentelemetry.instrumentation.openai_v2",
        Dialect::OldGenAi => "planner.tracing",
        Dialect::OpenInference => "openinference.instrumentation.litellm",
        Dialect::OpenLlmetry => "opentelemetry.instrumentation.openai.v1",
    }
}

pub(super) fn say(run: &Run, step: &Step) -> Said {
    let mut said = match &step.what {
        What::Serve { status } => serve(run, *status),
        What::Query { table } => query(table),
        What::Request { service, status } => request(service, *status),
        What::Workflow => workflow(run),
        What::Agent => agent(run),
        What::Llm(call) => llm(run.agent.dialect, call, step),
        What::Tool { tool, arguments } => execute(run.agent.dialect, tool, arguments),
    };
    said.text("tenant.id", run.tenant);
    said.text("team", run.agent.team);
    said.text("user.id", &format!("user-{}", run.user));
    let conversation = format!("conv-{}-{}", run.tenant, run.conversation);
    let key = match run.agent.dialect {
        Dialect::OpenInference => "session.id",
        Dialect::OpenLlmetry => "traceloop.association.properties.session_id",
        Dialect::GenAi | Dialect::OldGenAi => "gen_ai.conversation.id",
    };
    said.text(key, &conversation);
    if let Some(failure) = step.failure {
        said.text("error.type", failure.class);
    }
    said
}

impl Said {
    fn new(name: impl Into<String>, kind: u64) -> Self {
        Self { name: name.into(), kind, ..Self::default() }
    }

    fn text(&mut self, key: &'static str, value: &str) {
        self.attributes.push((key, Word::Text(value.to_owned())));
    }

    fn int(&mut self, key: &'static str, value: u64) {
        self.attributes.push((key, Word::Int(value)));
    }
}

fn serve(run: &Run, status: u16) -> Said {
    let mut said = Said::new(format!("POST {}", run.agent.route), SERVER);
    said.text("http.request.method", "POST");
    said.text("http.route", run.agent.route);
    said.text("url.scheme", "https");
    said.int("http.response.status_code", status.into());
    said
}

fn query(table: &str) -> Said {
    let mut said = Said::new(format!("SELECT {table}"), CLIENT);
    said.text("db.system.name", "postgresql");
    said.text("db.operation.name", "SELECT");
    said.text("db.collection.name", table);
    said.text("db.query.text", &format!("SELECT * FROM {table} WHERE id = $1"));
    said
}

fn request(service: &str, status: u16) -> Said {
    let mut said = Said::new("POST", CLIENT);
    said.text("http.request.method", "POST");
    said.text("server.address", &format!("{service}.internal"));
    said.text("url.full", &format!("https://{service}.internal/v1/call"));
    said.int("http.response.status_code", status.into());
    said
}

fn workflow(run: &Run) -> Said {
    let name = run.agent.workflow;
    match run.agent.dialect {
        Dialect::OpenInference => {
            let mut said = Said::new(name, INTERNAL);
            said.text("openinference.span.kind", "CHAIN");
            // OpenInference has no workflow of its own, so the GenAI word says which chain it is.
            said.text("gen_ai.workflow.name", name);
            said.text("gen_ai.operation.name", "invoke_workflow");
            said
        }
        Dialect::OpenLlmetry => {
            let mut said = Said::new(format!("{name}.workflow"), INTERNAL);
            said.text("traceloop.span.kind", "workflow");
            said.text("traceloop.workflow.name", name);
            said.text("traceloop.entity.name", name);
            said
        }
        Dialect::GenAi | Dialect::OldGenAi => {
            let mut said = Said::new(format!("invoke_workflow {name}"), INTERNAL);
            said.text("gen_ai.operation.name", "invoke_workflow");
            said.text("gen_ai.workflow.name", name);
            said
        }
    }
}

fn agent(run: &Run) -> Said {
    let name = run.agent.name;
    let mut said = Said::new(format!("invoke_agent {name}"), INTERNAL);
    match run.agent.dialect {
        Dialect::OpenInference => {
            said.text("openinference.span.kind", "AGENT");
            said.text("agent.name", name);
        }
        Dialect::OpenLlmetry => {
            said.text("traceloop.span.kind", "agent");
            said.text("traceloop.entity.name", name);
            said.text("traceloop.workflow.name", run.agent.workflow);
        }
        Dialect::GenAi | Dialect::OldGenAi => {
            said.text("gen_ai.operation.name", "invoke_agent");
            said.text("gen_ai.agent.name", name);
            // Frameworks repeat the sum of the leaves here: it must not be counted again.
            let tokens = run.steps.iter().filter_map(|step| match &step.what {
                What::Llm(call) if step.failure.is_none() => Some(call.input_tokens),
                _ => None,
            });
            said.int("gen_ai.usage.input_tokens", tokens.sum());
        }
    }
    said
}

fn llm(dialect: Dialect, call: &Call, step: &Step) -> Said {
    let mut said = Said::new(format!("chat {}", call.model.name), CLIENT);
    let worked = step.failure.is_none();
    match dialect {
        Dialect::GenAi => gen_ai(&mut said, call, worked),
        Dialect::OldGenAi => old_gen_ai(&mut said, call, worked),
        Dialect::OpenInference => openinference(&mut said, call, worked),
        Dialect::OpenLlmetry => openllmetry(&mut said, call, worked),
    }
    said
}

fn gen_ai(said: &mut Said, call: &Call, worked: bool) {
    said.text("gen_ai.operation.name", "chat");
    said.text("gen_ai.provider.name", call.model.provider);
    said.text("gen_ai.request.model", call.model.name);
    if worked {
        said.text("gen_ai.response.model", call.model.answers_as);
        said.int("gen_ai.usage.input_tokens", call.input_tokens);
        said.int("gen_ai.usage.output_tokens", call.output_tokens);
        said.int("gen_ai.usage.cache_read.input_tokens", call.cached_tokens);
        let first = Word::Double(call.first_token_seconds);
        said.attributes.push(("gen_ai.response.time_to_first_chunk", first));
    }
}

fn old_gen_ai(said: &mut Said, call: &Call, worked: bool) {
    said.text("gen_ai.operation.name", "chat");
    said.text("gen_ai.system", call.model.provider);
    said.text("gen_ai.request.model", call.model.name);
    if worked {
        said.text("gen_ai.response.model", call.model.answers_as);
        // Hand-made instrumentations send numbers as text.
        said.text("gen_ai.usage.prompt_tokens", &call.input_tokens.to_string());
        said.text("gen_ai.usage.completion_tokens", &call.output_tokens.to_string());
    }
}

fn openinference(said: &mut Said, call: &Call, worked: bool) {
    said.text("openinference.span.kind", "LLM");
    said.text("llm.provider", call.model.provider);
    said.text("llm.model_name", call.model.name);
    said.text("llm.invocation_parameters", r#"{"temperature":0.2,"max_tokens":1024}"#);
    if worked {
        said.int("llm.token_count.prompt", call.input_tokens);
        said.int("llm.token_count.completion", call.output_tokens);
        said.int("llm.token_count.total", call.input_tokens + call.output_tokens);
        said.int("llm.token_count.prompt_details.cache_read", call.cached_tokens);
        said.event = Some(("First Token Stream Event", (call.first_token_seconds * 1e9) as u64));
    }
}

fn openllmetry(said: &mut Said, call: &Call, worked: bool) {
    said.name = "openai.chat".to_owned();
    said.text("llm.request.type", "chat");
    said.text("gen_ai.system", "OpenAI");
    said.text("gen_ai.request.model", call.model.name);
    if worked {
        said.text("gen_ai.response.model", call.model.answers_as);
        said.int("gen_ai.usage.prompt_tokens", call.input_tokens);
        said.int("gen_ai.usage.completion_tokens", call.output_tokens);
        said.int("llm.usage.total_tokens", call.input_tokens + call.output_tokens);
    }
}

fn execute(dialect: Dialect, tool: &Tool, arguments: &str) -> Said {
    let mut said = Said::new(format!("execute_tool {}", tool.name), INTERNAL);
    match dialect {
        Dialect::OpenInference => {
            said.text("openinference.span.kind", "TOOL");
            said.text("tool.name", tool.name);
            said.text("tool.parameters", arguments);
        }
        Dialect::OpenLlmetry => {
            said.text("traceloop.span.kind", "tool");
            said.text("traceloop.entity.name", tool.name);
            said.text("traceloop.entity.input", arguments);
        }
        Dialect::GenAi | Dialect::OldGenAi => {
            said.text("gen_ai.operation.name", "execute_tool");
            said.text("gen_ai.tool.name", tool.name);
            said.text("gen_ai.tool.call.arguments", arguments);
        }
    }
    if matches!(tool.leans_on, LeansOn::Nothing) {
        said.text("code.function.name", tool.name);
    }
    said
}
