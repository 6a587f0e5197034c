import pytest

from kexp.record.machine import cpu, memory, ranges

V1_NO_LIMIT = "9223372036854771712"


def tree(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    ("files", "processors", "size_bytes"),
    [
        ({}, None, None),
        (
            {
                "proc/self/cgroup": "0::/job/task\n",
                "sys/fs/cgroup/job/cpu.max": "150000 100000\n",
                "sys/fs/cgroup/job/task/cpu.max": "max 100000\n",
                "sys/fs/cgroup/job/memory.max": "4096\n",
                "sys/fs/cgroup/job/task/memory.max": "8192\n",
            },
            1.5,
            4096,
        ),
        (
            {
                "proc/self/cgroup": "4:memory:/job\n1:cpu,cpuacct:/job\n0::/\n",
                "sys/fs/cgroup/cpu/job/cpu.cfs_quota_us": "200000\n",
                "sys/fs/cgroup/cpu/job/cpu.cfs_period_us": "50000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "1024\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": V1_NO_LIMIT,
            },
            4.0,
            1024,
        ),
        (
            {"proc/self/cgroup": "0::/not/mounted/here\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"},
            0.5,
            None,
        ),
        (
            {
                "proc/self/cgroup": "4:memory:/job\n",
                "sys/fs/cgroup/memory/job/memory.limit_in_bytes": V1_NO_LIMIT,
            },
            None,
            None,
        ),
    ],
    ids=["none", "v2", "v1", "v2-in-a-container", "v1-without-limit"],
)
def test_the_tightest_limit_of_the_groups_counts(tmp_path, files, processors, size_bytes):
    root = tree(tmp_path, files)

    assert cpu(root)["cgroup_limit"] == processors
    assert memory(root)["cgroup_limit_bytes"] == size_bytes


def test_the_first_processor_speaks_for_all(tmp_path):
    text = "model name\t: Fast 9000: X\nflags\t\t: fpu avx2\n\nmodel name\t: Slow\nflags\t\t: fpu\n"
    found = cpu(tree(tmp_path, {"proc/cpuinfo": text}))

    assert (found["model"], found["flags"]) == ("Fast 9000: X", ["fpu", "avx2"])


def test_an_arm_processor_is_known_by_its_numbers(tmp_path):
    text = "processor\t: 0\nFeatures\t: fp asimd\nCPU implementer\t: 0x41\nCPU part\t: 0xd40\n"
    found = cpu(tree(tmp_path, {"proc/cpuinfo": text}))

    assert (found["model"], found["flags"]) == ("ARM 0x41 0xd40", ["fp", "asimd"])


def test_this_machine_has_processors_and_memory():
    assert 1 <= cpu()["num_usable"] <= cpu()["num_cpus"]
    assert memory()["total_bytes"] > 1 << 28


def test_processors_are_written_as_ranges():
    assert [ranges(numbers) for numbers in ([], [3], {2, 0, 1, 9}, [1, 3, 4])] == ["", "3", "0-2,9", "1,3-4"]
