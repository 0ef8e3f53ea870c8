//! What goes wrong, and with which request.

use super::ask::Ask;

/// A place in an answer, in thousandths of its length.
pub type Permille = u16;

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection is reset with the request's body unread.
    Refused,
    /// The connection is closed, and the registry never hears of the request.
    HungUp,
    /// The registry never hears of the request, and nothing comes.
    Deaf,
    /// The registry does as it is asked, and its answer is lost.
    Lost,
    /// The answer is cut off here, and the connection closed.
    Cut(Permille),
    /// The answer is cut off here, and the connection reset.
    Reset(Permille),
    /// Nothing comes after this place, and the connection stays.
    Stall(Permille),
    /// The answer comes in little pieces, with pauses.
    Trickle,
    /// The content that was asked for, or an answer without any, comes byte by byte: too slow for any patience, but never silent for long.
    Drip,
    /// The registry never hears of the request, which is answered with this status and error code.
    Status(u16, &'static str),
    /// As [`Fault::Status`], and to be left alone for this many seconds.
    Throttled(u16),
    /// The registry does as it is asked, and the answer has this status.
    StoredBut(u16),
    /// 401, and all tokens given so far have ended.
    TokenEnded,
    /// What a host of blobs says to an address that has ended.
    AddressEnded,
    /// A bit of the answer's body is another.
    WrongByte(Permille),
    /// The body ends earlier than it should, and is announced so.
    Short(usize),
    /// The body goes on longer than it should, and is announced so.
    Long(usize),
    /// The digest header names another digest.
    WrongDigest,
}

/// Which ones of the requests that a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// One of them, counted from 0.
    Nth(usize),
    /// All of them.
    Always,
}

/// One fault at one kind of request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The kind.
    pub ask: Ask,
    /// Only those about this tag or digest.
    pub about: Option<String>,
    /// Which of these.
    pub when: When,
    /// What happens.
    pub fault: Fault,
}

impl Rule {
    /// At all requests of a kind.
    #[must_use]
    pub fn always(ask: Ask, fault: Fault) -> Rule {
        let (about, when) = (None, When::Always);
        Rule {
            ask,
            about,
            when,
            fault,
        }
    }

    /// At one request of a kind.
    #[must_use]
    pub fn nth(ask: Ask, nth: usize, fault: Fault) -> Rule {
        let (about, when) = (None, When::Nth(nth));
        Rule {
            ask,
            about,
            when,
            fault,
        }
    }
}

impl Fault {
    /// Whether it is met by patience alone: nothing comes, and the connection stays.
    #[must_use]
    pub fn is_silent(self) -> bool {
        matches!(self, Fault::Deaf | Fault::Stall(_) | Fault::Drip)
    }

    /// Whether the answer may have been sent in part.
    #[must_use]
    pub fn cuts(self) -> bool {
        matches!(self, Fault::Cut(_) | Fault::Reset(_) | Fault::Stall(_))
    }

    /// Whether the answer is another than what was asked for, and says so: its bytes are none of the content's.
    #[must_use]
    pub fn answers_otherwise(self) -> bool {
        matches!(
            self,
            Fault::Status(..)
                | Fault::Throttled(_)
                | Fault::StoredBut(_)
                | Fault::TokenEnded
                | Fault::AddressEnded
        )
    }

    /// Whether what arrives is not what was asked for.
    #[must_use]
    pub fn damages(self) -> bool {
        matches!(
            self,
            Fault::WrongByte(_) | Fault::Short(_) | Fault::Long(_) | Fault::WrongDigest
        )
    }
}
