//! Telling each message once although every call of a model repeats those before it.
//!
//! How often a message stands in a call is compared with how often it was told: what stands there
//! more often is new. So a user who says "yes" twice is heard twice as soon as a call carries
//! both, and a call that is tried again adds nothing. Answers are always new, but for those that
//! a second instrumentation reports of the same call.

use crate::semconv::{Part, Passage};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

type Counts = HashMap<u64, u32, foldhash::fast::RandomState>;

/// What was told.
#[derive(Debug, Default)]
pub(super) struct History {
    told: Counts,
}

/// One call while its prompt is read.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    here: Counts,
}

/// The answers of one run.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Told by a report that does not count, before the one that does.
    borrowed: Counts,
}

impl History {
    /// Messages that differ.
    pub(super) fn len(&self) -> usize {
        self.told.len()
    }

    /// Whether a message of a prompt is new.
    pub(super) fn hears(&mut self, prompt: &mut Prompt, passage: &Passage<'_>) -> bool {
        let digest = digest(passage);
        let here = prompt.here.entry(digest).or_default();
        *here += 1;
        let told = self.told.entry(digest).or_default();
        let new = *here > *told;
        *told = (*told).max(*here);
        new
    }

    /// Whether an answer is new. `counts` tells the first report of a call from further ones.
    pub(super) fn answers(
        &mut self,
        answers: &mut Answers,
        passage: &Passage<'_>,
        counts: bool,
    ) -> bool {
        let digest = digest(passage);
        let told = self.told.entry(digest).or_default();
        if !counts {
            let new = *told == 0;
            if new {
                *told += 1;
                *answers.borrowed.entry(digest).or_default() += 1;
            }
            return new;
        }
        if let Some(borrowed) = answers.borrowed.get_mut(&digest).filter(|count| **count > 0) {
            *borrowed -= 1;
            return false;
        }
        *told += 1;
        true
    }
}

/// Who said it: `system`, `user`, `assistant`, `tool` where it can be told, else what was sent.
pub(super) fn role<'p>(passage: &'p Passage<'_>) -> &'p str {
    match (&*passage.role, passage.part) {
        ("model" | "ai" | "bot", _) | ("", Part::Completion | Part::ToolArguments) => "assistant",
        ("human", _) | ("", Part::Prompt) => "user",
        ("developer", _) | ("", Part::Instructions) => "system",
        ("function" | "ipython", _) | ("", Part::ToolResult) => "tool",
        (said, _) => said,
    }
}

/// The message without its white space: what was answered comes back in other JSON.
fn digest(passage: &Passage<'_>) -> u64 {
    let mut hash = Sha256::new();
    hash.update(role(passage));
    hash.update([0]);
    for word in passage.text.split_whitespace() {
        hash.update(word);
    }
    let digest = hash.finalize();
    digest.iter().take(8).fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(part: Part, role: &'static str, text: &'static str) -> Passage<'static> {
        Passage { part, role: role.into(), text: text.into() }
    }

    fn said(text: &'static str) -> Passage<'static> {
        passage(Part::Prompt, "user", text)
    }

    fn answer(text: &'static str) -> Passage<'static> {
        passage(Part::Completion, "", text)
    }

    /// What of each call (prompt, answer) is new.
    fn told(calls: &[(&[Passage<'static>], &'static str)]) -> Vec<String> {
        let (mut history, mut answers, mut told) = Default::default();
        for (prompt, completion) in calls {
            let mut here = Prompt::default();
            for passage in *prompt {
                if History::hears(&mut history, &mut here, passage) {
                    Vec::push(&mut told, passage.text.to_string());
                }
            }
            if history.answers(&mut answers, &answer(completion), true) {
                told.push((*completion).to_owned());
            }
        }
        told
    }

    #[test]
    fn only_what_is_new_in_each_call_is_told() {
        let system = passage(Part::Instructions, "", "Be kind.");
        let echoed = |text| passage(Part::Prompt, "assistant", text);
        let first = [system.clone(), said("Hi")];
        let second = [system.clone(), said("Hi"), echoed("Hello\n"), said("yes")];
        let third =
            [system, said("Hi"), echoed("Hello\n"), said("yes"), echoed("Sure?"), said("yes")];
        let found = told(&[(&first, "Hello"), (&second, "Sure?"), (&third, "Done.")]);
        assert_eq!(found, ["Be kind.", "Hi", "Hello", "yes", "Sure?", "yes", "Done."]);
    }

    #[test]
    fn a_call_that_is_tried_again_adds_its_answer_only() {
        let prompt = [said("Hi")];
        assert_eq!(told(&[(&prompt, "A"), (&prompt, "B"), (&prompt, "B")]), ["Hi", "A", "B", "B"]);
    }

    #[test]
    fn a_call_that_is_reported_twice_is_told_once_whichever_report_comes_first() {
        for counts in [[true, false], [false, true]] {
            let (mut history, mut answers) = (History::default(), Answers::default());
            let new = counts.map(|counts| history.answers(&mut answers, &answer("A"), counts));
            assert_eq!(new, [true, false], "{counts:?}");
            // The next call may answer the same.
            assert!(history.answers(&mut answers, &answer("A"), true));
        }
    }

    #[test]
    fn roles_of_every_dialect() {
        let of = |part, said| role(&passage(part, said, "")).to_owned();
        assert_eq!(of(Part::Prompt, "human"), "user");
        assert_eq!(of(Part::Completion, "model"), "assistant");
        assert_eq!(of(Part::Prompt, ""), "user");
        assert_eq!(of(Part::ToolResult, ""), "tool");
        assert_eq!(of(Part::Prompt, "developer"), "system");
        assert_eq!(of(Part::Prompt, "narrator"), "narrator");
    }
}
