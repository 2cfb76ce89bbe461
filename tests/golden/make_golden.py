#!/usr/bin/python3
"""Writes the golden files of this folder with PyTorch (see README.md): network.*, curve.*, deep.*.

Everything is computed in double from values that float32 holds exactly, and stored as float32. Needs python3-torch and
python3-numpy; run it in this folder. It writes the same numbers again on the same PyTorch; the committed ones are from
PyTorch 1.13.
"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SMOOTH = (5e-4, 1e-4)  # lr of the picture and Adam's eps of the curve that rounding bends least; see README.md


class Store:
    """Named tensors in one flat float32 .npy and an index of lines `name c h w offset`."""

    def __init__(self):
        self.names, self.values, self.size = [], [], 0

    def put(self, name, value):
        value = np.asarray(value.detach().cpu() if torch.is_tensor(value) else value, np.float64)
        while value.ndim > 3 and value.shape[0] == 1:  # batch of one picture
            value = value[0]
        if value.ndim == 4:  # convolution weights [o][c][k][k]
            value = value.reshape(value.shape[0], value.shape[1], -1)
        value = value.reshape((1,) * (3 - value.ndim) + value.shape)
        self.names.append("%s %d %d %d %d" % ((name,) + value.shape + (self.size,)))
        self.values.append(value.astype("<f4").ravel())
        self.size += value.size

    def save(self, name):
        np.save(name + ".npy", np.concatenate(self.values))
        with open(name + ".txt", "w") as f:
            f.write("\n".join(self.names) + "\n")
        print(name, self.size, "floats,", len(self.names), "tensors")


def block(c_in, c_out, k, stride=1):
    m = nn.Module()
    m.conv = nn.Conv2d(c_in, c_out, k, stride)
    m.norm = nn.BatchNorm2d(c_out)
    return m


def run_conv(conv, x):
    p = conv.kernel_size[0] // 2
    return conv(F.pad(x, (p, p, p, p), mode="reflect") if p else x)


def run_block(m, x):
    return F.leaky_relu(m.norm(run_conv(m.conv, x)), 0.2)


def nonlocal_block(c):
    m = nn.Module()
    m.theta, m.phi, m.g = (nn.Conv2d(c, c // 2, 1) for _ in range(3))
    m.out = nn.Conv2d(c // 2, c, 1)
    m.norm = nn.BatchNorm2d(c)
    nn.init.zeros_(m.norm.weight)
    return m


def run_nonlocal(m, x):
    theta = m.theta(x).flatten(2)  # C/2, positions
    phi = F.max_pool2d(m.phi(x), 2).flatten(2)  # C/2, N
    g = F.max_pool2d(m.g(x), 2).flatten(2)
    y = (theta.transpose(1, 2) @ phi / phi.shape[2]) @ g.transpose(1, 2)  # positions, C/2
    y = y.transpose(1, 2).reshape(1, -1, *x.shape[2:])
    return m.norm(m.out(y)) + x


def crop(x, h, w):
    top, left = (x.shape[2] - h) // 2, (x.shape[3] - w) // 2
    return x[:, :, top : top + h, left : left + w]


class Skip(nn.Module):
    """METHODS section 3. Its parameter names are those of the golden files."""

    def __init__(self, c_in, c_out, channels, skip_channels, scales, first_nonlocal):
        super().__init__()
        self.scales = scales
        for i in range(scales):
            c = c_in if i == 0 else channels
            s = nn.Module()
            s.skip = block(c, skip_channels, 1)
            s.down = block(c, channels, 3, 2)
            if i >= first_nonlocal:
                setattr(s, "nonlocal", nonlocal_block(channels))
            s.deep = block(channels, channels, 3)
            s.concat = nn.Module()
            s.concat.norm = nn.BatchNorm2d(skip_channels + channels)
            s.up = block(skip_channels + channels, channels, 3)
            s.up1 = block(channels, channels, 1)
            setattr(self, "scale%d" % i, s)
        self.last = nn.Module()
        self.last.conv = nn.Conv2d(channels, c_out, 1)

    def scale(self, i, x):
        s = getattr(self, "scale%d" % i)
        skip = run_block(s.skip, x)
        deep = run_block(s.down, x)
        if hasattr(s, "nonlocal"):
            deep = run_nonlocal(getattr(s, "nonlocal"), deep)
        deep = run_block(s.deep, deep)
        if i + 1 < self.scales:
            deep = self.scale(i + 1, deep)
        deep = F.interpolate(deep, scale_factor=2, mode="bilinear", align_corners=False)
        h, w = min(skip.shape[2], deep.shape[2]), min(skip.shape[3], deep.shape[3])
        y = s.concat.norm(torch.cat([crop(skip, h, w), crop(deep, h, w)], 1))
        return run_block(s.up1, run_block(s.up, y))

    def forward(self, x):
        return torch.sigmoid(self.last.conv(self.scale(0, x)))


class Fcn(nn.Module):
    def __init__(self, z, hidden, psf):
        super().__init__()
        self.fcn = nn.Module()
        self.fcn.linear1 = nn.Linear(z, hidden)
        self.fcn.linear2 = nn.Linear(hidden, psf[0] * psf[1])
        self.psf = psf

    def forward(self, z):
        return torch.softmax(self.fcn.linear2(F.relu6(self.fcn.linear1(z))), 0).view(self.psf)


def blur(x, psf):
    """Valid true convolution: PyTorch's conv2d is correlation, so the PSF is turned by 180 degrees."""
    return F.conv2d(x, psf.flip(0, 1)[None, None])


def ssim(x, y):
    """Mean SSIM with zero-padded "same" windows: 11x11 Gaussian, sigma 1.5."""
    t = torch.arange(11, dtype=x.dtype) - 5
    g = torch.exp(-(t ** 2) / (2 * 1.5 ** 2))
    g = g / g.sum()
    window = (g[:, None] * g[None, :])[None, None]
    mean = lambda a: F.conv2d(a, window, padding=5)
    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    return (((2 * mx * my + 1e-4) * (2 * cov + 9e-4)) / ((mx * mx + my * my + 1e-4) * (vx + vy + 9e-4))).mean()


def put_parameters(store, *modules):
    for m in modules:
        for name, p in m.named_parameters():
            store.put(name, p)


def put_gradients(store, *modules):
    for m in modules:
        for name, p in m.named_parameters():
            store.put("grad." + name, p.grad)


def network():
    """One forward and backward pass of the skip network and of the PSF network, with any gamma and beta."""
    torch.manual_seed(58)  # no input of a LeakyReLU within 7e-5 of its kink, where rounding would change a gradient
    net, fcn, store = Skip(8, 1, 16, 4, 3, 2), Fcn(200, 48, (7, 9)), Store()
    for name, p in net.named_parameters():
        if ".norm." in name:
            nn.init.uniform_(p, 0.5, 1.5) if name.endswith("weight") else nn.init.uniform_(p, -0.5, 0.5)
    x, target = 0.1 * torch.rand(1, 8, 37, 41), torch.rand(1, 1, 37, 41)
    z, psf_target = 0.1 * torch.rand(200), torch.rand(7, 9)
    for module in (net, fcn):
        module.double()
    x, target, z, psf_target = (t.double() for t in (x, target, z, psf_target))
    out, psf = net(x), fcn(z)
    loss, psf_loss = F.mse_loss(out, target), F.mse_loss(psf, psf_target)
    (loss + psf_loss).backward()
    for name, value in (("input", x), ("target", target), ("output", out), ("loss", loss), ("fcn.input", z),
                        ("fcn.target", psf_target), ("fcn.output", psf), ("fcn.loss", psf_loss)):
        store.put(name, value)
    put_parameters(store, net, fcn)
    put_gradients(store, net, fcn)
    store.save("network")


def scene(h, w):
    """A picture with edges in all directions and some texture, in [0, 1]."""
    y, x = np.mgrid[0:h, 0:w].astype(np.float64)
    picture = 0.3 + 0.2 * x / w + 0.05 * np.sin(0.9 * x) * np.cos(0.7 * y)
    picture[(y - 0.4 * h) ** 2 + (x - 0.35 * w) ** 2 < (0.22 * h) ** 2] += 0.35
    picture[(np.abs(y - 0.7 * h) < 0.12 * h) & (np.abs(x - 0.7 * w) < 0.2 * w)] -= 0.25
    picture[np.abs(y + 0.8 * x - 0.9 * w) < 1.5] = 0.95
    return torch.tensor(picture.clip(0, 1).astype(np.float32))[None, None]


def streak(kh, kw):
    """A one-sided PSF, so that a turned one is noticed."""
    psf = np.zeros((kh, kw))
    for i in range(kw):
        psf[min(kh - 1, (i * kh) // kw), i] = 1 + i
    psf[0, 0] = 6
    return torch.tensor((psf / psf.sum()).astype(np.float32))


def descend(dtype, scales, blurred, x, z, seed, lr=1e-2, eps=1e-8, first=None, steps=20, switch=10):
    """SelfDeblur's loop: losses before each update, picture and PSF at the end. `first` sees the first gradients."""
    torch.manual_seed(seed)
    net, fcn = Skip(8, 1, 16, 16, scales, 2), Fcn(200, 48, (7, 9))
    net.to(dtype), fcn.to(dtype)
    blurred, x, z = blurred.to(dtype), x.to(dtype), z.to(dtype)
    optimiser = torch.optim.Adam([{"params": net.parameters(), "lr": lr}, {"params": fcn.parameters(), "lr": 1e-4}],
                                 eps=eps)
    losses = []
    for t in range(steps):
        optimiser.zero_grad()
        result = blur(net(x), fcn(z))
        loss = F.mse_loss(result, blurred) if t < switch else 1 - ssim(result, blurred)
        loss.backward()
        if t == 0 and first:
            first(net, fcn)
        losses.append(loss.item())
        optimiser.step()
    return losses, net(x), fcn(z)


def curve(file, scales, seed, lr=1e-2, eps=1e-8, gradients=False):
    store = Store()
    torch.manual_seed(3)
    x, z = 0.1 * torch.rand(1, 8, 54, 60), 0.1 * torch.rand(200)
    blurred = blur(scene(54, 60).double(), streak(7, 9).double()).float()
    store.put("input", x)
    store.put("fcn.input", z)
    store.put("blurred", blurred)

    def first(net, fcn):
        put_parameters(store, net, fcn)
        if gradients:
            put_gradients(store, net, fcn)

    losses, image, psf = descend(torch.float64, scales, blurred, x, z, seed, lr, eps, first)
    losses32 = descend(torch.float32, scales, blurred, x, z, seed, lr, eps)[0]
    for name, value in (("losses", losses), ("losses32", losses32), ("image", image), ("psf", psf)):
        store.put(name, value)
    apart = [abs(b / a - 1) for a, b in zip(losses, losses32)]
    print("%s losses: %.6f ... %.6f; float32 apart by at most %.1e, in the first four %.1e"
          % (file, losses[0], losses[-1], max(apart), max(apart[:4])))
    store.save(file)


if __name__ == "__main__":
    torch.set_num_threads(1)
    network()
    curve("curve", 3, 2, gradients=True)
    curve("smooth", 3, 3, *SMOOTH)
    curve("deep", 5, 2)
