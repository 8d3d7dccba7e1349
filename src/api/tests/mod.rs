//! The router as a caller sees it, without sockets.

mod access;
mod budgets;
mod conversations;
mod debug;
mod investigations;
mod logs;
mod prices;
mod skeletons;
mod stats;
mod store;
mod surface;
mod traces;

use super::auth::{AccessObserver, Denied, Digest, Key, Keys, Role};
use super::observe::{Answered, HttpObserver};
use super::{About, ApiHandles, Hosts, router};
use crate::cost::budgets::{Budgets, BudgetsObserver, Payer, Period, Plan, Unit};
use crate::debug::{DebugHandle, DebugOptions, FileBounds, SystemEvents};
use crate::health::{self, Checks, Phase};
use crate::metrics::Registry;
use crate::model::{Notice, Notices};
use crate::storage::fs::RealFs;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use tower::ServiceExt as _;

/// What the outside of the API hears and says, all of it adjustable.
struct World {
    phase: Mutex<Phase>,
    store: Mutex<health::store::State>,
    answered: Mutex<Vec<(String, String, u16)>>,
    denied: Mutex<Vec<(Denied, Option<String>)>>,
    panics: Mutex<u32>,
    started: AtomicU32,
    page: Mutex<String>,
    folder: tempfile::TempDir,
}

impl Default for World {
    fn default() -> Self {
        Self {
            phase: Mutex::new(Phase::Serving),
            store: Mutex::default(),
            answered: Mutex::default(),
            denied: Mutex::default(),
            panics: Mutex::default(),
            started: AtomicU32::new(0),
            page: Mutex::new("# TYPE up gauge\nup 1\n".to_owned()),
            folder: tempfile::tempdir().unwrap(),
        }
    }
}

impl World {
    /// A toggle and files in a folder of their own.
    fn debug(&self) -> DebugHandle {
        let options = DebugOptions {
            storage: self.folder.path().to_owned(),
            folder: self.folder.path().to_owned(),
            enabled: false,
            bounds: FileBounds { bytes: 1 << 20, files: 3 },
        };
        DebugHandle::open(&options, Arc::new(RealFs), SystemEvents::nowhere())
    }
}

impl Checks for World {
    fn phase(&self) -> Phase {
        *self.phase.lock().unwrap()
    }
    fn store(&self) -> health::store::State {
        self.store.lock().unwrap().clone()
    }
    fn disk(&self) -> health::disk::State {
        health::disk::State { free_bytes: Some(100 << 30), reserve_bytes: 1 << 30 }
    }
    fn projection(&self) -> health::projection::State {
        health::projection::State { running: true, oldest_waiting_ns: None }
    }
    fn targets(&self) -> Vec<health::forward::State> {
        Vec::new()
    }
}

impl HttpObserver for World {
    fn started(&self) {
        self.started.fetch_add(1, Ordering::SeqCst);
    }
    fn finished(&self, answered: Answered<'_>) {
        assert!(answered.seconds >= 0.0);
        let Answered { method, route, status, .. } = answered;
        self.answered.lock().unwrap().push((method.to_owned(), route.to_owned(), status));
    }
    fn panicked(&self) {
        *self.panics.lock().unwrap() += 1;
    }
}

impl AccessObserver for World {
    fn denied(&self, reason: Denied, _: Role, key: Option<&str>) {
        self.denied.lock().unwrap().push((reason, key.map(str::to_owned)));
    }
}

/// An answer, whole.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap().to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Budgets of acme, of which nothing is used.
fn budgets(world: &Arc<World>) -> Budgets {
    let mut plan = Plan::new("Europe/Berlin", true).unwrap();
    plan.add(Payer::Tenant, "acme", [Some(100), None], [None, Some(2.5)], (0.8, true));
    plan.add(Payer::Team, "research", [None, None], [Some(1.0), None], (0.8, false));
    Budgets::new(plan, world.clone(), world.clone())
}

impl BudgetsObserver for World {
    fn refused(&self, _: Payer, _: Period, _: Unit) {}
    fn unpriced(&self, _: bool) {}
    fn expired(&self, _: u64) {}
}

impl Notices for World {
    fn say(&self, _: Notice) {}
}

fn handles(world: &Arc<World>, keys: Vec<Key>) -> ApiHandles {
    let page = world.clone();
    ApiHandles {
        keys: Arc::new(Keys::new(keys, world.clone())),
        hosts: Hosts::Any,
        http: world.clone(),
        checks: world.clone(),
        debug: world.debug(),
        watch: None,
        store: store::Store::new().index,
        mapping: crate::semconv::Mapping::default(),
        budgets: budgets(world),
        prices: Arc::new(crate::cost::prices::Prices::builtin()),
        understand: crate::model::Understand::unpriced(crate::semconv::understand),
        runs: Arc::new(crate::runs::Runs::new(1)),
        registry: Registry::default(),
        exposition: Arc::new(move |_| page.page.lock().unwrap().clone()),
        metrics_path: "/metrics".to_owned(),
        trace_url: None,
        config: Arc::new(|| serde_json::json!({ "storage": { "path": "data" } })),
        about: About { version: "1.2.3".to_owned(), ..About::default() },
    }
}

fn open_router(world: &Arc<World>) -> Router {
    router(handles(world, Vec::new()))
}

fn key(name: &str, role: Role) -> Key {
    Key { name: name.to_owned(), role, digest: Digest::of(name) }
}

async fn send(router: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap().to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn get(router: &Router, path: &str) -> Answer {
    send(router, "GET", path, &[]).await
}
