"""
Resume a training that was killed
=================================

With ``checkpoint`` a fit writes a file from which ``gdfast.resume`` finishes the training. This example starts a fit in
another process, kills that process by SIGKILL, which no process can catch, and resumes. The result is equal, to the
bit, to that of a fit that ran through.
"""

# %%
# The training
# ------------
# It has mini-batches, Adam and a schedule, so that the checkpoint has to hold more than the coefficients.
import pathlib
import pickle
import signal
import subprocess
import sys
import tempfile
import time

import matplotlib.pyplot as plt
import numpy as np

import gdfast

plt.style.use("tableau-colorblind10")
rng = np.random.default_rng(0)
X = rng.normal(size=(2_000, 5))
y = X @ [1.0, -2.0, 0.5, 0.0, 1.0] + rng.logistic(size=2_000) > 0
options = {
    "loss": "log_loss",
    "batch_size": 50,
    "optimizer": "adam",
    "learning_rate": gdfast.Cosine(0.02, 400),
    "epochs": 400,
    "seed": 0,
}

# %%
# Start it in another process
# ---------------------------
# The process reads the data and the options, and writes a checkpoint every 20 epochs. A callback that sleeps makes it
# slow enough to be killed in the middle.
folder = tempfile.TemporaryDirectory()
data, checkpoint = pathlib.Path(folder.name) / "data.pickle", pathlib.Path(folder.name) / "run.npz"
data.write_bytes(pickle.dumps((X, y, options)))
script = """
import pathlib, pickle, sys, time, gdfast
X, y, options = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
options |= {"checkpoint": sys.argv[2], "checkpoint_every": 20}
gdfast.fit(X, y, **options, callbacks=lambda state: time.sleep(0.02), callback_every=10)
"""
process = subprocess.Popen([sys.executable, "-c", script, str(data), str(checkpoint)])

# %%
# Kill it
# -------
# Wait until the checkpoint has been written a few times, then kill the process.
seen, writes, deadline = None, 0, time.monotonic() + 30
while writes < 6 and process.poll() is None and time.monotonic() < deadline:
    now = checkpoint.stat().st_mtime_ns if checkpoint.exists() else None
    writes, seen = writes + (now != seen), now
    time.sleep(0.002)
process.send_signal(signal.SIGKILL)
print("exit code:", process.wait(), "(minus the number of SIGKILL)")

# %%
# Resume it
# ---------
# The file holds a whole Run. ``resume`` is given the data again, and compares them with the fingerprint in the file.
killed = gdfast.Run.load(checkpoint)
resumed = gdfast.resume(checkpoint, X, y)
undisturbed = gdfast.fit(X, y, **options)
print(f"in the file: {killed.epochs} epochs; resumed: {resumed.epochs} epochs")
print("coefficients equal to the bit:", bool(np.all(resumed.coef == undisturbed.coef)))
print("costs equal to the bit:       ", bool(np.all(resumed.costs == undisturbed.costs)))
folder.cleanup()

# %%
# The costs of the resumed run begin with those of the killed one, and are those of the undisturbed run throughout.
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4.3), layout="constrained")
for ax in (left, right):
    ax.plot(undisturbed.cost_epochs, undisturbed.costs, color="C2", linewidth=5, label="undisturbed")
    ax.plot(resumed.cost_epochs, resumed.costs, color="C0", linewidth=1.2, label="resumed")
    ax.plot(killed.cost_epochs, killed.costs, color="C5", linewidth=1.2, label="killed, as in the file")
    ax.axvline(killed.epochs, color="k", linestyle="--", linewidth=1, label="last checkpoint before the kill")
    ax.set(xlabel="epoch", ylabel="running mean of the log loss")
left.set(title="All epochs", ylim=(0.3995, 0.4035))
left.legend()
around = slice(max(0, killed.epochs - 30), killed.epochs + 30)
right.set(
    title="Around the kill",
    xlim=(killed.epochs - 30, killed.epochs + 30),
    ylim=(undisturbed.costs[around].min() - 1e-4, undisturbed.costs[around].max() + 1e-4),
)
plt.show()
