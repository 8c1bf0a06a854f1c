//! The spans of tasks and plans, with the feature `tracing`.

mod common;

use std::{
    collections::BTreeMap,
    fmt::{Debug, Write},
    sync::{Arc, Mutex},
};

use common::{file, run};
use runtime::{IntoResult, op, spawn};
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{Layer, layer::Context, prelude::*, registry::LookupSpan};

/// Parent, name and fields of the spans.
#[derive(Default)]
struct Spans {
    open: BTreeMap<u64, String>,
    /// In the order in which they closed.
    closed: Vec<String>,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Spans>>);

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() != "shard" {
            write!(self.0, " {}={value:?}", field.name()).unwrap();
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Log {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let parent = context.span(id).unwrap().parent().map(|parent| parent.name());
        let mut text = format!("{}<{}", parent.unwrap_or("-"), attributes.metadata().name());
        attributes.record(&mut Fields(&mut text));
        self.0.lock().unwrap().open.insert(id.into_u64(), text);
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, _: Context<'_, S>) {
        values.record(&mut Fields(self.0.lock().unwrap().open.get_mut(&id.into_u64()).unwrap()));
    }

    fn on_close(&self, id: span::Id, _: Context<'_, S>) {
        let mut log = self.0.lock().unwrap();
        let text = log.open.remove(&id.into_u64()).unwrap();
        log.closed.push(text);
    }
}

#[test]
fn tasks_and_plans_have_spans_that_close() {
    let log = Log::default();
    let subscriber = tracing_subscriber::registry().with(log.clone());
    tracing::subscriber::with_default(subscriber, || {
        run(async {
            let dir = tempfile::tempdir().unwrap();
            let file = file(&dir, b"12345678").await;
            log.0.lock().unwrap().closed.clear();
            spawn(async move {
                op::nop().await.unwrap();
                let plan = file.read_exact_at(vec![0; 4], 0).then(|bytes| file.write_all_at(bytes, 4));
                plan.await.into_result().unwrap();
                drop(op::nop());
            })
            .await
            .unwrap();
        });
    });
    let Spans { open, closed } = std::mem::take(&mut *log.0.lock().unwrap());
    assert!(open.is_empty(), "{open:?}");
    assert_eq!(closed[..2], ["task<plan ops=1 engine=\"single\"", "task<plan ops=2 engine=\"chain\""]);
    assert!(closed[2].starts_with("-<task place=runtime/tests/tracing.rs:"), "{closed:?}");
    assert_eq!(closed.len(), 3);
}
