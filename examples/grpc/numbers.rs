//! The service of `numbers.proto`, as a generator would write it.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream;
use heirloom::Drain;
use tokio::time;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, BoxStream, Context, Poll, Service, http};
use tonic::server::{Grpc, ServerStreamingService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::messages::{Answer, Asked, COUNT, SQUARE};

/// Answers all calls of a generation.
#[derive(Clone)]
pub(crate) struct Numbers {
    generation: u64,
    drain: Drain,
    /// How many answers this generation has given.
    answers: Arc<AtomicU64>,
}

impl Numbers {
    pub(crate) fn new(generation: u64, drain: Drain) -> Self {
        Self { generation, drain, answers: Arc::default() }
    }
}

impl Service<http::Request<Body>> for Numbers {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let (guard, numbers) = (self.drain.guard(), self.clone());
        Box::pin(async move {
            let answer = numbers.answer(request).await;
            drop(guard);
            Ok(answer)
        })
    }
}

impl Numbers {
    fn tell(&self, number: u64) -> Answer {
        let serial = self.answers.fetch_add(1, Ordering::Relaxed) + 1;
        Answer { number, generation: self.generation, serial }
    }

    async fn answer(self, request: http::Request<Body>) -> http::Response<Body> {
        let mut grpc = Grpc::new(ProstCodec::default());
        match request.uri().path() {
            SQUARE => grpc.unary(self, request).await,
            COUNT => grpc.server_streaming(self, request).await,
            other => Status::unimplemented(format!("there is no {other}")).into_http(),
        }
    }
}

impl UnaryService<Asked> for Numbers {
    type Response = Answer;
    type Future = Ready<Result<Response<Answer>, Status>>;

    fn call(&mut self, asked: Request<Asked>) -> Self::Future {
        let square = asked.get_ref().number.checked_pow(2);
        let error = || Status::out_of_range("the square has more than 64 bits");
        ready(square.map(|number| Response::new(self.tell(number))).ok_or_else(error))
    }
}

impl ServerStreamingService<Asked> for Numbers {
    type Response = Answer;
    type ResponseStream = BoxStream<Answer>;
    type Future = Ready<Result<Response<BoxStream<Answer>>, Status>>;

    fn call(&mut self, asked: Request<Asked>) -> Self::Future {
        let Asked { number: last, pause_milliseconds } = asked.into_inner();
        let pause = Duration::from_millis(pause_milliseconds);
        // The stream outlives this call's future, and has a guard of its own.
        let begun = (1, self.drain.guard(), self.clone());
        let stream = stream::unfold(begun, move |(number, guard, numbers)| async move {
            if number > last {
                return None;
            }
            if !pause.is_zero() {
                time::sleep(pause).await;
            }
            Some((Ok(numbers.tell(number)), (number + 1, guard, numbers)))
        });
        ready(Ok(Response::new(Box::pin(stream))))
    }
}
