#!/usr/bin/env python3
"""One iteration of SelfDeblur's or fast's network and loss in PyTorch on a GPU: the yardstick of bench/cuda.sh.

usage: torch_gpu.py RECIPE PICTURE_SIDE PSF_SIDE ITERATIONS [MODE ...]
MODE: eager-f32 eager-tf32 channels-last-tf32 eager-bf16 channels-last-bf16 compile-tf32 compile-bf16 (default: all).
Networks and losses are those of torch_iteration.py. For each mode a line: TORCH RECIPE MODE median least (ms).
"""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import torch
import torch.nn.functional as F
from torch_iteration import RECIPES, Fcn, Skip, blur, ssim

MODES = ["eager-f32", "eager-tf32", "channels-last-tf32", "eager-bf16", "channels-last-bf16", "compile-tf32",
         "compile-bf16"]


def run(name, side, k, iterations, mode):
    channels, c_in, first_nonlocal, psf_kind, perturb, kind = RECIPES[name]
    tf32 = "tf32" in mode
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(0)
    layout = torch.channels_last if "channels-last" in mode or "compile" in mode else torch.contiguous_format
    net = Skip(c_in, 1, channels, 16, 5, first_nonlocal).cuda().to(memory_format=layout)
    fcn, logits = Fcn(200, 1000, (k, k)).cuda(), torch.zeros(k, k, device="cuda", requires_grad=True)
    parameters = list(fcn.parameters()) if psf_kind == "fcn" else [logits]
    optimiser = torch.optim.Adam([{"params": net.parameters()}, {"params": parameters, "lr": 1e-4}], lr=1e-2)
    x = (0.1 * torch.rand(1, c_in, side + k - 1, side + k - 1, device="cuda")).to(memory_format=layout)
    z, target = 0.1 * torch.rand(200, device="cuda"), torch.rand(1, 1, side, side, device="cuda")

    def loss_of(noisy):
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled="bf16" in mode):
            out = net(noisy)
        psf = fcn(z) if psf_kind == "fcn" else torch.softmax(logits.view(-1), 0).view(k, k)
        seen = blur(out.float(), psf)
        return F.mse_loss(seen, target) if kind == "mse" else 1 - ssim(seen, target)

    if "compile" in mode:
        loss_of = torch.compile(loss_of)

    def step():
        optimiser.zero_grad()
        loss = loss_of(x + perturb * torch.randn_like(x) if perturb else x)
        loss.backward()
        optimiser.step()
        return loss

    for _ in range(5):
        step()
    torch.cuda.synchronize()
    times = []
    for _ in range(iterations):
        begin = time.perf_counter()
        step().item()
        times.append(1e3 * (time.perf_counter() - begin))
    times.sort()
    print("TORCH %s %s %.3f %.3f" % (name, mode, times[len(times) // 2], times[0]), flush=True)


def main():
    name, side, k, iterations = sys.argv[1], *(int(a) for a in sys.argv[2:5])
    print("PyTorch", torch.__version__, torch.cuda.get_device_name(), flush=True)
    for mode in sys.argv[5:] or MODES:
        try:
            run(name, side, k, iterations, mode)
        except Exception as error:  # a mode that this PyTorch cannot do is a line, too
            print("TORCH %s %s failed: %s" % (name, mode, str(error).splitlines()[0] if str(error) else error), flush=True)


if __name__ == "__main__":
    main()
