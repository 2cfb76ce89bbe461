#!/usr/bin/python3
"""One iteration of SelfDeblur's or fast's network in PyTorch on this machine: the yardstick of bench/iteration.c.

usage: torch_iteration.py selfdeblur|fast PICTURE_SIDE PSF_SIDE ITERATIONS THREADS
The networks are those of tests/golden/make_golden.py. Prints the same RESULT line as bench/iteration.c.
"""
import os
import resource
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "golden"))
import torch
import torch.nn.functional as F
from make_golden import Fcn, Skip, blur, ssim

recipe, side, k, iterations, threads = sys.argv[1], *(int(a) for a in sys.argv[2:6])
torch.set_num_threads(threads)
torch.manual_seed(0)
fast = recipe == "fast"
net = Skip(8, 1, 32, 16, 5, 5) if fast else Skip(8, 1, 128, 16, 5, 2)
fcn = Fcn(200, 1000, (k, k))
logits = torch.zeros(k, k, requires_grad=True)
psf_parameters = [logits] if fast else list(fcn.parameters())
optimiser = torch.optim.Adam([{"params": net.parameters()}, {"params": psf_parameters, "lr": 1e-4}], lr=1e-2)
x, z = 0.1 * torch.rand(1, 8, side + k - 1, side + k - 1), 0.1 * torch.rand(200)
target = torch.rand(1, 1, side, side)
times = []
for _ in range(iterations):
    begin = time.time()
    optimiser.zero_grad()
    noisy = x if fast else x + 0.001 * torch.randn_like(x)
    psf = torch.softmax(logits.view(-1), 0).view(k, k) if fast else fcn(z)
    result = blur(net(noisy), psf)
    loss = 1 - ssim(result, target) if fast else F.mse_loss(result, target)
    loss.backward()
    optimiser.step()
    times.append(time.time() - begin)
times.sort()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print("PyTorch %s %s: %d threads, latent %dx%d" % (torch.__version__, recipe, threads, x.shape[2], x.shape[3]))
print("RESULT %.1f %.1f %.0f" % (1e3 * times[len(times) // 2], 1e3 * times[0], peak))
