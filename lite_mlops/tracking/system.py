"""System metrics of a run: CPU, memory and, where `nvidia-smi` answers, GPU.

They are logged as `system/...` by a thread that ends with the run.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Mapping

import psutil

log = logging.getLogger("lite_mlops")

_MB = 1 << 20
_GPU_FIELDS = ("utilization.gpu", "memory.used", "memory.total", "temperature.gpu")
_GPU_NAMES = ("percent", "memory_mb", "memory_total_mb", "celsius")


def read_gpus(program: str) -> dict[str, float]:
    """Return what `nvidia-smi` says of every GPU; nothing if it does not answer."""
    import subprocess

    command = [program, f"--query-gpu={','.join(_GPU_FIELDS)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        log.debug("nvidia-smi: %s", error)
        return {}
    found = {}
    for number, line in enumerate(done.stdout.splitlines()):
        for name, text in zip(_GPU_NAMES, line.split(","), strict=False):
            try:
                found[f"system/gpu_{number}_{name}"] = float(text)
            except ValueError:  # "[N/A]" on some cards
                continue
    return found


class SystemMetrics:
    """Logs the use of the machine through `log_metrics` every `seconds`."""

    def __init__(self, log_metrics: Callable[[Mapping[str, float]], None], seconds: float) -> None:
        self._log_metrics = log_metrics
        self._seconds = seconds
        self._process = psutil.Process()
        self._nvidia_smi = shutil.which("nvidia-smi")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="lite-mlops-system", daemon=True)
        self._thread.start()

    def read(self) -> dict[str, float]:
        """Return the present use of CPU, memory and GPUs."""
        memory = psutil.virtual_memory()
        with self._process.oneshot():
            own = self._process.memory_info().rss / _MB
            own_cpu = self._process.cpu_percent()
        found = {
            "system/cpu_percent": psutil.cpu_percent(),
            "system/memory_percent": memory.percent,
            "system/process_cpu_percent": own_cpu,
            "system/process_memory_mb": own,
        }
        if self._nvidia_smi is not None:
            found |= read_gpus(self._nvidia_smi)
        return found

    def _work(self) -> None:
        self.read()  # the first reading of a CPU share has nothing to compare with
        while not self._stop.wait(self._seconds):
            self._log_metrics(self.read())

    def stop(self) -> None:
        """Log a last reading and end the thread."""
        self._stop.set()
        self._thread.join()
        self._log_metrics(self.read())
