//! Calls of models: paced, as fast as they are answered, or as streams.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread::{self, Builder, ScopedJoinHandle};
use std::time::{Duration, Instant};
use std::{io, iter};

use super::MODEL;
use crate::load::http::Sender;

/// Calls before the measuring begins, on every connection: both sides then know each other.
const WARM_UP: u64 = 5;
/// How long callers wait for those that are still warming up.
const WARM_UP_AT_MOST: Duration = Duration::from_secs(60);
/// A connection that fails so often is given up.
const FAILURES: u64 = 20;
/// Streams still to be begun after this time are not begun.
const STREAMS_AT_MOST: Duration = Duration::from_secs(25);

/// Where calls go.
#[derive(Clone, Copy)]
pub struct Target {
    pub address: SocketAddr,
    /// What stands in front of `/chat/completions`.
    pub path: &'static str,
}

/// What came of a load.
#[derive(Default)]
pub struct Outcome {
    /// From sending a call to its whole answer, sorted; of a stream: to its first chunk.
    pub latencies: Vec<Duration>,
    /// Calls answered well, those before the measuring included.
    pub answered: u64,
    /// Calls that were not, and why the first of them.
    pub failures: u64,
    pub reason: Option<String>,
    /// The most that were in flight at once.
    pub together: usize,
    pub took: Duration,
}

impl Outcome {
    pub fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.took.as_secs_f64().max(0.001)
    }

    pub fn quantile(&self, quantile: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        let at = ((self.latencies.len() as f64 * quantile) as usize).min(last);
        self.latencies.get(at).copied().unwrap_or_default()
    }

    /// What went wrong, for a note; empty where nothing did.
    pub fn trouble(&self) -> String {
        match &self.reason {
            Some(reason) => format!("; {} FAILED, first: {reason}", self.failures),
            None => String::new(),
        }
    }

    fn add(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.answered += other.answered;
        self.failures += other.failures;
        self.reason = self.reason.take().or(other.reason);
        self.took = self.took.max(other.took);
    }
}

/// Sends for `length` on so many connections. With a rate, calls are due at fixed times and wait
/// for nobody but their connection's last; the latency counts from the sending itself, so that a
/// late timer of the sender is not the gateway's fault. Without, the next follows the last.
pub fn drive(target: Target, connections: u32, rate: Option<u32>, length: Duration) -> Outcome {
    let pause = rate.map(|rate| Duration::from_secs(1) * connections / rate);
    together(
        connections,
        |index, caller, begin| {
            caller.warm_up(WARM_UP);
            begin.wait();
            let began = Instant::now();
            let until = began + length;
            let mut due = began + pause.unwrap_or_default() * index / connections;
            while Instant::now().max(due) < until && !caller.given_up() {
                if let Some(pause) = pause {
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    due += pause;
                }
                let sent = Instant::now();
                if caller.call() {
                    caller.outcome.latencies.push(sent.elapsed());
                }
            }
            caller.outcome.took = began.elapsed();
        },
        target,
    )
}

/// So many callers, each with one stream after the other, beginning `spread` over this time.
pub fn streams(target: Target, callers: u32, rounds: u32, spread: Duration) -> Outcome {
    let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let mut outcome = together(
        callers,
        |index, caller, begin| {
            caller.warm_up(1);
            begin.wait();
            let began = Instant::now();
            thread::sleep(spread * index / callers);
            for _ in 0..rounds {
                if caller.given_up() || began.elapsed() > STREAMS_AT_MOST {
                    break;
                }
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                caller.stream();
                now.fetch_sub(1, Ordering::SeqCst);
            }
            caller.outcome.took = began.elapsed();
        },
        target,
    );
    outcome.together = most.into_inner();
    outcome
}

/// Where callers wait for each other, but not for ever.
struct Gate {
    missing: Mutex<u32>,
    all_here: Condvar,
}

impl Gate {
    fn wait(&self) {
        let mut missing = self.missing.lock().unwrap();
        *missing = missing.saturating_sub(1);
        if *missing == 0 {
            self.all_here.notify_all();
        }
        drop(self.all_here.wait_timeout_while(missing, WARM_UP_AT_MOST, |missing| *missing > 0));
    }
}

/// Runs callers on threads of their own and adds up what they got.
fn together(
    callers: u32,
    work: impl Fn(u32, &mut Caller, &Gate) + Sync,
    target: Target,
) -> Outcome {
    let begin = Gate { missing: Mutex::new(callers), all_here: Condvar::new() };
    let (work, begin) = (&work, &begin);
    let mut all = thread::scope(|scope| {
        let threads: Vec<ScopedJoinHandle<'_, Outcome>> = (0..callers)
            .map(|index| {
                let caller = move || {
                    let mut caller = Caller::new(target);
                    work(index, &mut caller, begin);
                    caller.outcome
                };
                // A caller needs little, and there are up to a thousand.
                Builder::new().stack_size(256 * 1024).spawn_scoped(scope, caller).unwrap()
            })
            .collect();
        let mut all = Outcome::default();
        threads.into_iter().for_each(|thread| all.add(thread.join().unwrap()));
        all
    });
    all.latencies.sort_unstable();
    all
}

/// One connection and what it got.
struct Caller {
    target: Target,
    sender: Option<Sender>,
    whole: Vec<u8>,
    stream: Vec<u8>,
    outcome: Outcome,
}

impl Caller {
    fn new(target: Target) -> Self {
        let (whole, stream) = (request(target, ""), request(target, ",\"stream\":true"));
        Self { target, sender: None, whole, stream, outcome: Outcome::default() }
    }

    fn warm_up(&mut self, calls: u64) {
        iter::repeat_with(|| self.call()).take(calls as usize).for_each(drop);
    }

    fn given_up(&self) -> bool {
        self.outcome.failures >= FAILURES
    }

    /// One call; whether it was answered well.
    fn call(&mut self) -> bool {
        let request = std::mem::take(&mut self.whole);
        let answer = self.connected().and_then(|sender| sender.send(&request));
        self.whole = request;
        let well = answer.map(|answer| match answer.status {
            200 => Ok(()),
            status => Err(format!("{status} {}", shortened(&answer.body))),
        });
        self.settle(well)
    }

    /// One stream to its end; the time to its first chunk is kept.
    fn stream(&mut self) {
        let request = std::mem::take(&mut self.stream);
        let mut first = Duration::ZERO;
        let answer = self.connected().and_then(|sender| {
            let sent = Instant::now();
            sender.send_stream(&request, || first = sent.elapsed())
        });
        self.stream = request;
        let well = answer.map(|answer| {
            let whole = answer.body.windows(6).any(|window| window == b"[DONE]");
            match answer.status {
                200 if whole => Ok(()),
                status => Err(format!("{status} {}", shortened(&answer.body))),
            }
        });
        if self.settle(well) {
            self.outcome.latencies.push(first);
        }
    }

    fn connected(&mut self) -> io::Result<&mut Sender> {
        if self.sender.is_none() {
            self.sender = Some(Sender::connect(self.target.address)?);
        }
        self.sender.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn settle(&mut self, answer: io::Result<Result<(), String>>) -> bool {
        let reason = match answer {
            Ok(Ok(())) => {
                self.outcome.answered += 1;
                return true;
            }
            Ok(Err(reason)) => reason,
            Err(error) => {
                self.sender = None;
                // Whoever refuses is not asked again at once.
                thread::sleep(Duration::from_millis(10));
                error.to_string()
            }
        };
        self.outcome.failures += 1;
        self.outcome.reason.get_or_insert(reason);
        false
    }
}

fn request(target: Target, more: &str) -> Vec<u8> {
    let body = format!(
        "{{\"model\":\"{MODEL}\",\"messages\":[{{\"role\":\"user\",\"content\":\"What is the \
         weather like in a harbour at night?\"}}]{more}}}"
    );
    let (Target { address, path }, length) = (target, body.len());
    let head = format!(
        "POST {path}/chat/completions HTTP/1.1\r\nhost: {address}\r\n\
         authorization: Bearer dummy\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

fn shortened(body: &[u8]) -> String {
    String::from_utf8_lossy(&body[..body.len().min(120)]).replace('\n', " ")
}
