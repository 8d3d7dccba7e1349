//! The book as bytes: JSON, because it is small and its form will grow.

use serde::{Deserialize, Serialize};

use super::book::{Key, Open, Past, State};
use super::{Begun, Closed};
use crate::model::RunKind;

#[derive(Serialize, Deserialize)]
struct Saved {
    open: Vec<(Ids, String, u64, Said)>,
    old: Vec<(Ids, Closed, Option<Said>)>,
    young: Vec<(Ids, Closed, Option<Said>)>,
    told: Vec<String>,
    untracked: u64,
}

type Ids = (String, String);

/// What a beginning said: the start, the parent, and texts in the order of [`Begun`].
#[derive(Serialize, Deserialize)]
struct Said(u64, Option<String>, [String; 8]);

impl Said {
    fn of(begun: &Begun) -> Self {
        let Begun { start_ns, parent, .. } = begun;
        let Begun { service, name, method, tenant, team, user, agent, conversation, .. } = begun;
        let texts = [service, name, method, tenant, team, user, agent, conversation];
        Self(*start_ns, parent.map(|parent| parent.to_string()), texts.map(String::clone))
    }

    fn begun(self) -> Begun {
        let Self(start_ns, parent, texts) = self;
        let [service, name, method, tenant, team, user, agent, conversation] = texts;
        let parent = parent.and_then(|parent| parent.parse().ok());
        Begun { start_ns, service, parent, name, method, tenant, team, user, agent, conversation }
    }
}

pub(super) fn write(state: &State) -> Vec<u8> {
    let ids = |key: &Key| (key.0.to_string(), key.1.to_string());
    let past =
        |(key, past): (&Key, &Past)| (ids(key), past.how, past.begun.as_deref().map(Said::of));
    let open = state.open.iter().map(|(key, open)| {
        (ids(key), open.kind.name().to_owned(), open.arrived_ns, Said::of(&open.begun))
    });
    let saved = Saved {
        open: open.collect(),
        old: state.old.iter().map(past).collect(),
        young: state.young.iter().map(past).collect(),
        told: state.told.iter().map(|kind| kind.name().to_owned()).collect(),
        untracked: state.untracked,
    };
    serde_json::to_vec(&saved).unwrap_or_default()
}

pub(super) fn read(bytes: &[u8]) -> Result<State, String> {
    let saved: Saved = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let mut state = State { untracked: saved.untracked, ..State::default() };
    let kind = |name: &str| {
        let found = RunKind::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| format!("{name} is no kind of run"))
    };
    for (ids, name, arrived_ns, said) in saved.open {
        let open = Open { kind: kind(&name)?, begun: said.begun(), arrived_ns, given_up_ns: 0 };
        state.open.insert(key(&ids)?, open);
    }
    for (from, to) in [(saved.old, &mut state.old), (saved.young, &mut state.young)] {
        for (ids, how, said) in from {
            let begun = said.map(|said| Box::new(said.begun()));
            to.insert(key(&ids)?, Past { how, begun });
        }
    }
    for name in &saved.told {
        state.told.insert(kind(name)?);
    }
    Ok(state)
}

fn key((trace_id, span_id): &Ids) -> Result<Key, String> {
    let bad = |_| "an id of the snapshot is none".to_owned();
    Ok((trace_id.parse().map_err(bad)?, span_id.parse().map_err(bad)?))
}
