# A sweep as a job array of the real Slurm: one node, this machine, started here in a private folder (as root).
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib_sweep.sh"
[ "$(id -u)" -eq 0 ] || { echo 'skipped: starting a Slurm of its own needs root'; exit 77; }
for program in munged slurmctld slurmd sbatch squeue scontrol scancel; do
    command -v $program >/dev/null 2>&1 || { echo "skipped: $program is missing (Debian: slurm-wlm, munge)"; exit 77; }
done

# ---- The engine ----
engine=$work/engine
daemons=
stop_slurm() {
    [ -z "$daemons" ] || scancel --quiet --user=root 2>/dev/null
    # shellcheck disable=SC2086 # several
    [ -z "$daemons" ] || { kill $daemons; wait $daemons; } 2>/dev/null
    daemons=
}
trap 'stop_slurm; rm -rf "$work"' EXIT
daemon() { # COMMAND...
    "$@" >>"$engine/daemons.log" 2>&1 &
    daemons="$! $daemons"
}
start_slurm() {
    host=$(hostname -s)
    port=$((20000 + $$ % 20000))
    mkdir -p "$engine/state" "$engine/spool" "$engine/munge"
    chmod 755 "$work" "$engine/munge"
    dd if=/dev/urandom of="$engine/key" bs=64 count=1 2>/dev/null
    chmod 600 "$engine/key"
    cat >"$engine/slurm.conf" <<CONF
ClusterName=dipper
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
AuthType=auth/munge
AuthInfo=socket=$engine/munge/socket,cred_expire=5
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$engine/state
SlurmdSpoolDir=$engine/spool
SlurmctldPidFile=$engine/slurmctld.pid
SlurmdPidFile=$engine/slurmd.pid
SlurmctldLogFile=$engine/slurmctld.log
SlurmdLogFile=$engine/slurmd.log
ProctrackType=proctrack/linuxproc
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1
KillWait=10
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
    SLURM_CONF=$engine/slurm.conf
    export SLURM_CONF
    daemon munged -F --force --key-file="$engine/key" --socket="$engine/munge/socket" --pid-file="$engine/munge/pid" \
        --log-file="$engine/munge/log" --seed-file="$engine/munge/seed"
    wait_for 10 test -S "$engine/munge/socket"
    daemon slurmctld -D -f "$engine/slurm.conf"
    daemon slurmd -D -f "$engine/slurm.conf" -N "$host"
    wait_for 30 sh -c 'sinfo -h -o %T | grep -q idle'
}
wait_for() { # SECONDS COMMAND...
    tries=$(($1 * 5))
    shift
    until "$@" >/dev/null 2>&1; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.2
    done
}
if ! start_slurm; then
    tail -n 3 "$engine"/*.log
    echo 'skipped: Slurm does not start here'
    exit 77
fi

# ---- A sweep in three tasks ----
scenes 1
plan plan.json <<'JSON'
{"results": "a r", "data": {"suite": "made", "dir": "sharp", "psfs": [{"kind": "disk", "radius": 1.5}]}, "oracle": true,
 "recipes": ["fast"], "fields": {"channels": 4, "restarts": 1, "scales": 1, "iterations": [800, 801]}, "seeds": 6}
JSON
expect 0 "$DIPPER" sweep plan.json --emit-sbatch --tasks 3 -j 1
cp .seen/out sweep.sh
check 'the script is no shell' sh -n sweep.sh
expect 0 sbatch --parsable sweep.sh
job=$(cat .seen/out)
[ -n "$job" ] || finish
running() { [ "$(squeue -h -j "${job}_$1" -o %T)" = RUNNING ]; }
over() { [ -z "$(squeue -h -j "$job" -o %i 2>/dev/null)" ]; }
process() { pgrep -f -- "-o $work/a r --shard $1/3" | head -n 1; } # with our folder in it: other tests may run
at_work() { running "$1" && [ -n "$(process "$1")" ]; }
state() { scontrol show job "${job}_$1" | sed -n 's/.*JobState=\([A-Z_]*\).*/\1/p' | head -n 1; }
if ! command -v pgrep >/dev/null 2>&1; then
    skip 'killing a task: there is no pgrep'
else
    last='a task that is killed'
    check 'task 0 does not begin' wait_for 30 at_work 0
    sleep 1
    kill -s KILL "$(process 0)"
    check "the killed task is $(state 0)" wait_for 20 sh -c "scontrol show job ${job}_0 | grep -q JobState=FAILED"
    expect 0 scontrol requeue "${job}_0"

    last='a task whose time is nearly over'
    check 'task 1 does not begin' wait_for 30 at_work 1
    expect 0 scancel --signal=USR1 --batch "${job}_1"
    check 'the task did not go back to the queue' wait_for 20 sh -c "scontrol show job ${job}_1 | grep -q 'Restarts=1'"
fi
check 'the array does not end' wait_for 120 over
for task in 0 1 2; do check "task $task is $(state $task)" test "$(state $task)" = COMPLETED; done
once 'a r' 13
check 'no logs' test -s 'a r_0.log'
expect 0 "$DIPPER" sweep plan.json -j 1 -v --progress none
err_has '0 runs done, 13 were there'
out_has '^fast  *6 '
finish
