use runtime::op;

fn main() {
    drop(op::nop().then(|_| async { 7 }));
}
