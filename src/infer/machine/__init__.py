"""What this computer has: cores, memory, GPUs. Facts only; nothing here fails, and no driver can take us with it."""

from infer.machine.cores import processor_name as processor_name
from infer.machine.detect import detect as detect
from infer.machine.detect import detect_all as detect_all
from infer.machine.facts import Gpu as Gpu
from infer.machine.facts import Machine as Machine
from infer.machine.memory import disk_free as disk_free
