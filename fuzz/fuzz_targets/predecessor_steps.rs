#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    heirloom_proto::fuzzing::predecessor_steps(data);
});
