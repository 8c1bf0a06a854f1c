use runtime::{join, op};

fn main() {
    let plan = join!(op::nop(), async { 7 }).then(|_| op::nop());
    drop(plan);
}
