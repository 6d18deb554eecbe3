//! The life of a result: what becomes of the version that stands when its sources change.
//!
//! [`next`] is the whole rule. It is asked with how far the result has come and what its evidence comes to now; what is
//! composed and written follows from its answer. [`events`] says of each thing that may happen to a source what the
//! evidence comes to after it, so that both together are the table that `table --supersession` prints.
//!
//! A result is `final` when a person has signed exactly that version, or the site lets the signed report speak for itself.
//! A final result whose evidence changes is `amended` or `corrected` until somebody signs it again (contract, section 5;
//! 42 CFR 493.1291(k): corrected reports are issued promptly and known as such).

pub mod events;

/// How far the result of a case has come.
#[derive(enumset::EnumSetType, Debug, PartialOrd, Ord)]
pub enum ResultState {
    /// There is no version of it.
    NeverWritten,
    /// Nobody has signed it yet.
    Preliminary,
    /// It is signed.
    Final,
    /// It was final, has changed since, and nobody has signed that yet: `amended` or `corrected`.
    Amended,
    /// It is withdrawn.
    EnteredInError,
}

impl ResultState {
    /// All of them, in the order in which a result comes by them.
    pub const ALL: [Self; 5] = [
        Self::NeverWritten,
        Self::Preliminary,
        Self::Final,
        Self::Amended,
        Self::EnteredInError,
    ];

    /// The state in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::NeverWritten => "never written",
            Self::Preliminary => "preliminary",
            Self::Final => "final",
            Self::Amended => "amended",
            Self::EnteredInError => "entered-in-error",
        }
    }

    /// Whether readers were told that it is complete.
    pub fn was_final(self) -> bool {
        matches!(self, Self::Final | Self::Amended)
    }
}

/// What the evidence of a case comes to now, held against the version that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The same as that version says, in every element that a reader or a signer sees.
    Same,
    /// Something else.
    Other,
    /// Something else, and a source says of itself that it corrects an error.
    Correction,
    /// No status any more: data is missing or contradictory.
    Unresolved,
    /// Nothing: the sources were withdrawn, deleted, or belong to another case.
    Gone,
}

/// What follows for the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Nothing is written of it.
    Keep,
    /// A first version: preliminary, or final where the site lets the signed report speak for itself.
    Begin,
    /// A further version that nobody has signed, of a result that was never final.
    Revise,
    /// A further version of a result that was final.
    Amend,
    /// The same, where a source corrects an error.
    Correct,
    /// A further version without a status; a person is asked.
    Unresolve,
    /// Entered in error, its value kept.
    Withdraw,
    /// A version that stands again after a withdrawal, and is signed anew.
    Revive,
}

/// What becomes of a result.
pub fn next(state: ResultState, effect: Effect) -> Move {
    use ResultState::{Amended, EnteredInError, Final, NeverWritten, Preliminary};
    match (state, effect) {
        // What never stood, or no longer does, has no status to take back: a person is asked, and nothing is written.
        (NeverWritten | EnteredInError, Effect::Gone | Effect::Unresolved) => Move::Keep,
        (NeverWritten, Effect::Same | Effect::Other | Effect::Correction) => Move::Begin,
        (Preliminary | Final | Amended, Effect::Same) => Move::Keep,
        (Preliminary, Effect::Other | Effect::Correction) => Move::Revise,
        (Final | Amended, Effect::Other) => Move::Amend,
        (Final | Amended, Effect::Correction) => Move::Correct,
        (Preliminary | Final | Amended, Effect::Unresolved) => Move::Unresolve,
        (Preliminary | Final | Amended, Effect::Gone) => Move::Withdraw,
        // Whether it was final before does not matter: whoever relied on it was told that it is withdrawn.
        (EnteredInError, Effect::Same | Effect::Other | Effect::Correction) => Move::Revive,
    }
}

impl Move {
    /// What it does to the result, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Keep => "nothing",
            Self::Begin => "first version, preliminary; to be signed",
            Self::Revise => "further version, preliminary; to be signed",
            Self::Amend => "amended; to be signed again",
            Self::Correct => "corrected; to be signed again",
            Self::Unresolve => "amended to unresolved; a person is asked",
            Self::Withdraw => "entered-in-error",
            Self::Revive => "stands again, preliminary; to be signed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EFFECTS: [Effect; 5] = [
        Effect::Same,
        Effect::Other,
        Effect::Correction,
        Effect::Unresolved,
        Effect::Gone,
    ];

    #[test]
    fn nothing_but_a_signature_makes_a_result_final_that_stands() {
        for state in ResultState::ALL {
            for effect in EFFECTS {
                let begins = next(state, effect) == Move::Begin;
                assert!(!begins || state == ResultState::NeverWritten);
            }
        }
    }

    #[test]
    fn the_same_evidence_never_makes_a_further_version_of_a_result_in_force() {
        for state in [
            ResultState::Preliminary,
            ResultState::Final,
            ResultState::Amended,
        ] {
            assert_eq!(next(state, Effect::Same), Move::Keep);
        }
    }

    #[test]
    fn no_result_stays_in_force_without_evidence() {
        for state in ResultState::ALL {
            let ends = matches!(
                state,
                ResultState::NeverWritten | ResultState::EnteredInError
            );
            let expected = if ends { Move::Keep } else { Move::Withdraw };
            assert_eq!(next(state, Effect::Gone), expected);
        }
    }

    #[test]
    fn only_what_was_final_is_amended_or_corrected() {
        for state in ResultState::ALL {
            for effect in EFFECTS {
                let changed = matches!(next(state, effect), Move::Amend | Move::Correct);
                assert!(!changed || state.was_final(), "{state:?} {effect:?}");
            }
        }
    }
}
