//! [`fast::decode`], compiled once more for processors with better shifts.
//!
//! Its steps are bound by shifts whose distance is only known when they come, and BMI2 has those that take one instruction instead of
//! three. What a processor has is known when the program runs; to call what was compiled for it takes the one `unsafe` block of this
//! crate.

use crate::bits::BitReader;
use crate::fast;
use crate::history::History;
use crate::tables::Tables;

/// [`fast::decode`] as this processor does it best.
#[cfg(all(target_arch = "x86_64", feature = "std"))]
pub(crate) fn decode(tables: &Tables, history: &mut History, reader: &mut BitReader<'_>) {
    #[target_feature(enable = "bmi1,bmi2")]
    fn with_bmi(tables: &Tables, history: &mut History, reader: &mut BitReader<'_>) {
        fast::decode(tables, history, reader);
    }

    if std::is_x86_feature_detected!("bmi1") && std::is_x86_feature_detected!("bmi2") {
        // SAFETY: the function is safe but for what it was compiled for, and the processor has just said that it has that.
        #[allow(unsafe_code)]
        // reason: there is no safe way to call what was compiled for a processor that is only known now
        return unsafe { with_bmi(tables, history, reader) };
    }
    fast::decode(tables, history, reader);
}

/// [`fast::decode`]; there is only one.
#[cfg(not(all(target_arch = "x86_64", feature = "std")))]
pub(crate) fn decode(tables: &Tables, history: &mut History, reader: &mut BitReader<'_>) {
    fast::decode(tables, history, reader);
}
