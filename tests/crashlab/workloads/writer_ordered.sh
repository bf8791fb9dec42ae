# AtomicWriter, ordered: always whole, maybe older than acknowledged.
setup="$bin/perdure_commits setup ordered"
workload="$bin/perdure_commits write ordered $count"
server="$bin/perdure_commits serve ordered"
