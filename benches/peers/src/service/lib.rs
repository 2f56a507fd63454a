//! What the measured services in Rust have in common: what they are told, what they tell, what they
//! answer. How they are upgraded is each library's own, and stands in `services`.

pub mod activation;
pub mod http;
pub mod leash;
pub mod role;
pub mod tell;
