//! What one server says to another: any bytes in any chunks give the same frames as in one piece, within the limit, and each
//! frame is written as it was read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pomelo_rpc::fuzzing::frames;

fuzz_target!(|data: &[u8]| {
    let Some((&chunk_bytes, stream)) = data.split_first() else { return };
    let chopped = frames(stream, usize::from(chunk_bytes).max(1));
    assert_eq!(chopped, frames(stream, stream.len().max(1)));
});
