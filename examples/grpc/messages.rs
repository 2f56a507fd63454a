//! The messages of `numbers.proto`.

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct Asked {
    #[prost(uint64, tag = "1")]
    pub(crate) number: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) pause_milliseconds: u64,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(crate) struct Answer {
    #[prost(uint64, tag = "1")]
    pub(crate) number: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) generation: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) serial: u64,
}

pub(crate) const SQUARE: &str = "/numbers.Numbers/Square";
pub(crate) const COUNT: &str = "/numbers.Numbers/Count";
