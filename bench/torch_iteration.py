#!/usr/bin/python3
"""One iteration of a recipe's network and loss in PyTorch on this machine: the yardstick of bench/iteration.c.

usage: torch_iteration.py RECIPE PICTURE_SIDE PSF_SIDE ITERATIONS THREADS [CHANNELS]
The networks are those of tests/golden/make_golden.py, the losses those of the first iterations after pre-training. One
grey picture, at full size.
Prints the same RESULT line as bench/iteration.c.
"""
import math
import os
import resource
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "golden"))
import torch
import torch.nn as nn
import torch.nn.functional as F
from make_golden import Fcn, Skip, blur, ssim
from make_parts import wiener

# recipe: channels, input channels, first non-local scale, PSF, input noise, loss
RECIPES = {
    "selfdeblur": (128, 8, 2, "fcn", 0.001, "mse"),
    "fast": (32, 8, 5, "direct", 0, "ssim"),
    "simplersdb": (128, 8, 5, "direct", 0, "mse"),
    "simplersdb-0.99": (128, 8, 5, "direct", 0, "mse"),
    "vdip-std": (128, 3, 2, "fcn", 0, "std"),
    "vdip-sparse": (128, 3, 2, "fcn", 0, "sparse"),
    "vdip-extreme": (128, 3, 2, "fcn", 0, "extreme"),
    "wdip": (128, 8, 2, "fcn", 0.001, "wiener"),
    "deblur-inr": (128, 64, 2, "siren", 0, "ssim"),
}


class Siren(nn.Module):
    """Coordinates -> three layers of 64 sines -> softmax over the window."""

    def __init__(self, k):
        super().__init__()
        t = torch.linspace(-1, 1, k)
        self.grid = torch.stack(torch.meshgrid(t, t, indexing="ij"), -1).view(-1, 2)
        self.k = k
        self.layers = nn.ModuleList([nn.Linear(2, 64), nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 1)])

    def forward(self):
        h = self.grid
        for layer in self.layers[:-1]:
            h = torch.sin(30 * layer(h))
        return torch.softmax(self.layers[-1](h).view(-1), 0).view(self.k, self.k)


def diff(x):
    return x[..., 1:, :] - x[..., :-1, :], x[..., :, 1:] - x[..., :, :-1]


def energy(parts):
    return sum((p * p).sum() for p in parts)


def sparse_prior(e, s):
    """METHODS section 4: quarter of the mean of p / sg(p), p the expected squared difference."""
    (dv, dh), v = diff(e), s * s
    p_v = dv * dv + v[..., 1:, :] + v[..., :-1, :]
    p_h = dh * dh + v[..., :, 1:] + v[..., :, :-1]
    return 0.25 * (p_v / (p_v + 1e-6).detach()).mean() + 0.25 * (p_h / (p_h + 1e-6).detach()).mean()


def channel_minimum(q):
    return -F.max_pool2d(-q.amin(1, keepdim=True), 35, 1, 17)


def extreme_prior(e, s):
    e2, s2, f2 = e * e, s * s, (1 - e) * (1 - e)
    eps = torch.randn_like(e)
    dark = channel_minimum(e2 + s2 + eps * torch.sqrt(4 * e2 * s2 + 2 * s2 * s2 + 1e-32))
    bright = channel_minimum(f2 + s2 + eps * torch.sqrt(4 * s2 + 4 * e2 * s2 + 2 * s2 * s2 + 1e-32))
    return 0.25 * (dark / dark.detach()).mean() + 0.25 * (bright / bright.detach()).mean()


def elbo(out, psf, target, kind):
    e, s = out[:, :1], out[:, 1:]
    x = e + s * torch.randn_like(e)
    r = blur(x, psf) - target
    dv, dh = diff(r)
    second = diff(dv) + diff(dh)
    sides = diff(x)
    data = 0.5 * energy([r]) + 0.25 * energy([dv, dh]) + 0.125 * energy(second)
    data = data + 0.25 * energy([blur(sides[0], psf) - diff(target)[0], blur(sides[1], psf) - diff(target)[1]])
    data = data / e.numel()
    if kind == "std":
        return data
    prior = sparse_prior(e, s) if kind == "sparse" else extreme_prior(e, s)
    nkl = torch.log(s.clamp(min=1e-45)).mean() - prior - 5 * (psf * psf).sum()
    return data - (0.1 if kind == "sparse" else 1e-4) * nkl


def main():
    name, side, k, iterations, threads = sys.argv[1], *(int(a) for a in sys.argv[2:6])
    channels, c_in, first_nonlocal, psf_kind, perturb, kind = RECIPES[name]
    channels = int(sys.argv[6]) if len(sys.argv) > 6 else channels
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    net = Skip(c_in, 2 if name.startswith("vdip") else 1, channels, 16, 5, first_nonlocal)
    fcn, siren, logits = Fcn(200, 1000, (k, k)), Siren(k), torch.zeros(k, k, requires_grad=True)
    guide = torch.zeros(k, k, requires_grad=True)
    parameters = {"fcn": list(fcn.parameters()), "siren": list(siren.parameters()), "direct": [logits]}[psf_kind]
    if kind == "wiener":
        parameters = parameters + [guide]
    optimiser = torch.optim.Adam([{"params": net.parameters()}, {"params": parameters, "lr": 1e-4}], lr=1e-2)
    x, z = 0.1 * torch.rand(1, c_in, side + k - 1, side + k - 1), 0.1 * torch.rand(200)
    target = torch.rand(1, 1, side, side)
    middle = slice(k // 2, k // 2 + side)
    times = []
    for _ in range(iterations):
        begin = time.time()
        optimiser.zero_grad()
        out = net(x + perturb * torch.randn_like(x) if perturb else x)
        if psf_kind == "direct":
            psf = torch.softmax(logits.view(-1), 0).view(k, k)
        else:
            psf = fcn(z) if psf_kind == "fcn" else siren()
        if kind == "mse":
            loss = F.mse_loss(blur(out, psf), target)
        elif kind == "ssim":
            loss = 1 - ssim(blur(out, psf), target)
        elif kind == "wiener":
            second = torch.softmax(guide.view(-1), 0).view(k, k)
            pull = wiener(target[0], second, 0.025)[:, middle, middle]
            loss = F.mse_loss(blur(out, psf), target) + 1e-3 * F.mse_loss(out[0, :, middle, middle], pull)
            loss = loss + 1e-4 * ((psf - second) ** 2).sum() + 1e-3 * (second ** 2).sum()
        else:
            loss = elbo(out, psf, target, kind)
        loss.backward()
        optimiser.step()
        times.append(time.time() - begin)
        assert math.isfinite(loss.item())
    times.sort()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("PyTorch %s %s: %d threads, latent %dx%d" % (torch.__version__, name, threads, x.shape[2], x.shape[3]))
    print("RESULT %.1f %.1f %.0f" % (1e3 * times[len(times) // 2], 1e3 * times[0], peak))


if __name__ == "__main__":
    main()
