//! What can be relied on at the server that results are written to.
//!
//! Servers that claim the same in their CapabilityStatement behave differently in what matters most: whether a second
//! writer is stopped. So what is not known is tried, on a `Basic` of our own (`probe`), and what is not honoured is
//! replaced by a lease, a look just before the write, and a look after it.

use serde::{Deserialize, Serialize};

use crate::service::client::Capabilities;

/// Who gives a new resource its logical id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ids {
    /// We do: a PUT of an unknown id creates it, so the id itself keeps a result from being written twice.
    Client,
    /// The server does: a POST creates it unless a search by identifier finds it; where it is, our store remembers.
    Server,
}

/// How the resources of a case go to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In one transaction.
    Whole,
    /// One by one, the result first, each read back; what an interruption leaves out is written by the next judgement.
    Singly,
}

/// What the server honours; each is `true` where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    /// Who gives ids.
    pub ids: Ids,
    /// A transaction is carried out as a whole or not at all.
    pub atomic: bool,
    /// `If-Match` on an update.
    pub fences_updates: bool,
    /// `If-None-Match: *` on a PUT that creates, or `If-None-Exist` on a POST.
    pub fences_creates: bool,
    /// `ifMatch` in an entry of a transaction.
    pub fences_updates_within: bool,
    /// `ifNoneMatch` or `ifNoneExist` in an entry of a transaction.
    pub fences_creates_within: bool,
    /// A deleted resource answers 410, so that it is told from one that was never there.
    pub tells_deleted: bool,
}

impl Dialect {
    /// A server that does everything FHIR describes.
    pub const FULL: Self = Self {
        ids: Ids::Client,
        atomic: true,
        fences_updates: true,
        fences_creates: true,
        fences_updates_within: true,
        fences_creates_within: true,
        tells_deleted: true,
    };

    /// What a server says of itself, where nothing could be tried: what it leaves out is taken as honoured, except that
    /// transactions must be stated.
    pub fn stated(capabilities: &Capabilities) -> Self {
        let creates = capabilities.creates_by_update("Observation");
        Self {
            ids: match creates {
                Some(false) => Ids::Server,
                Some(true) | None => Ids::Client,
            },
            atomic: capabilities.transaction,
            ..Self::FULL
        }
    }

    /// How a case goes there: as a whole, unless the single requests are fenced better than the transaction's entries.
    pub fn delivery(&self) -> Delivery {
        let worse_within = (self.fences_updates && !self.fences_updates_within)
            || (self.fences_creates && !self.fences_creates_within);
        if self.atomic && !worse_within {
            Delivery::Whole
        } else {
            Delivery::Singly
        }
    }

    /// Whether the server itself stops a second writer from replacing what has changed meanwhile.
    pub fn stops_stale_updates(&self) -> bool {
        match self.delivery() {
            Delivery::Whole => self.fences_updates_within,
            Delivery::Singly => self.fences_updates,
        }
    }

    /// Whether the server itself stops a second writer from creating what is there.
    pub fn stops_second_creates(&self) -> bool {
        match self.delivery() {
            Delivery::Whole => self.fences_creates_within,
            Delivery::Singly => self.fences_creates,
        }
    }

    /// The mode in words, and a line for each thing that the server does not honour, with what is done instead.
    pub fn in_words(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "results are written {}, under ids that {}",
            match self.delivery() {
                Delivery::Whole => "in one transaction for each case",
                Delivery::Singly => "by single requests, the result first",
            },
            match self.ids {
                Ids::Client => "follow from the case (PUT)",
                Ids::Server => "the server gives (POST unless an identifier exists)",
            }
        )];
        let (create, create_within) = match self.ids {
            Ids::Client => ("If-None-Match on a PUT", "ifNoneMatch in a transaction"),
            Ids::Server => ("If-None-Exist on a POST", "ifNoneExist in a transaction"),
        };
        for (is_honoured, what) in [
            (self.fences_updates, "If-Match on a PUT"),
            (self.fences_updates_within, "ifMatch in a transaction"),
            (self.fences_creates, create),
            (self.fences_creates_within, create_within),
        ] {
            if !is_honoured {
                lines.push(format!(
                    "{what} is not honoured; a lease, a read before and a read after stand in for it where it is needed"
                ));
            }
        }
        if !self.atomic {
            lines.push("transactions are not taken as a whole, so none is sent".to_owned());
        }
        if !self.tells_deleted {
            lines.push(
                "a deleted resource answers like one that was never there; the store tells them apart".to_owned(),
            );
        }
        if self.ids == Ids::Server {
            lines.push(
                "with ids that the server gives, only one deployment of the adapter may write; a second copy that is found is marked entered-in-error".to_owned(),
            );
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_does_everything_is_written_to_in_transactions() {
        assert_eq!(Dialect::FULL.delivery(), Delivery::Whole);
        assert!(Dialect::FULL.stops_stale_updates() && Dialect::FULL.stops_second_creates());
        assert_eq!(Dialect::FULL.in_words().len(), 1);
    }

    #[test]
    fn single_requests_are_taken_where_they_are_fenced_better_or_transactions_are_torn() {
        for dialect in [
            Dialect {
                atomic: false,
                ..Dialect::FULL
            },
            Dialect {
                fences_updates_within: false,
                ..Dialect::FULL
            },
            Dialect {
                fences_creates_within: false,
                ..Dialect::FULL
            },
        ] {
            assert_eq!(dialect.delivery(), Delivery::Singly, "{dialect:?}");
            assert!(dialect.stops_stale_updates());
        }
        // Nothing is gained by single requests where they are not fenced either.
        let deaf = Dialect {
            fences_updates: false,
            fences_updates_within: false,
            ..Dialect::FULL
        };
        assert_eq!(deaf.delivery(), Delivery::Whole);
        assert!(!deaf.stops_stale_updates());
    }
}
