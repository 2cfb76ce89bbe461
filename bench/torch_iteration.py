import torch,torch.nn as nn,torch.nn.functional as F,time,sys,resource
torch.set_num_threads(2)
def conv(i,o,k,s=1): 
    return nn.Sequential(*( [nn.ReflectionPad2d(k//2)] if k>1 else []), nn.Conv2d(i,o,k,s))
def cba(i,o,k,s=1): return nn.Sequential(conv(i,o,k,s),nn.BatchNorm2d(o),nn.LeakyReLU(0.2))
class NL(nn.Module):
    def __init__(s,c):
        super().__init__(); h=c//2
        s.t=nn.Conv2d(c,h,1);s.p=nn.Conv2d(c,h,1);s.g=nn.Conv2d(c,h,1);s.o=nn.Conv2d(h,c,1);s.bn=nn.BatchNorm2d(c)
        nn.init.zeros_(s.bn.weight)
    def forward(s,x):
        h=s.t(x).flatten(2); p=F.max_pool2d(s.p(x),2).flatten(2); g=F.max_pool2d(s.g(x),2).flatten(2)
        y=(h.transpose(1,2)@p/p.shape[2])@g.transpose(1,2)
        return s.bn(s.o(y.transpose(1,2).reshape(1,-1,*x.shape[2:])))+x
class Skip(nn.Module):
    def __init__(s,ci,co=1,ch=128,sk=16,n=5,nl=True):
        super().__init__(); s.n=n
        s.sk=nn.ModuleList();s.d1=nn.ModuleList();s.nl=nn.ModuleList();s.d2=nn.ModuleList();s.bn=nn.ModuleList();s.u=nn.ModuleList()
        for i in range(n):
            c=ci if i==0 else ch
            s.sk.append(cba(c,sk,1));s.d1.append(cba(c,ch,3,2));s.nl.append(NL(ch) if nl and i>=2 else nn.Identity())
            s.d2.append(cba(ch,ch,3));s.bn.append(nn.BatchNorm2d(ch+sk));s.u.append(nn.Sequential(cba(ch+sk,ch,3),cba(ch,ch,1)))
        s.last=nn.Sequential(nn.Conv2d(ch,co,1),nn.Sigmoid())
    def f(s,i,x):
        a=s.sk[i](x);d=s.d2[i](s.nl[i](s.d1[i](x)))
        if i<s.n-1:d=s.f(i+1,d)
        d=F.interpolate(d,scale_factor=2,mode='bilinear',align_corners=False)
        h,w=min(a.shape[2],d.shape[2]),min(a.shape[3],d.shape[3])
        def cr(t):
            y0=(t.shape[2]-h)//2;x0=(t.shape[3]-w)//2
            return t[:,:,y0:y0+h,x0:x0+w]
        return s.u[i](s.bn[i](torch.cat([cr(a),cr(d)],1)))
    def forward(s,x): return s.last(s.f(0,x))
if __name__=='__main__':
    ch=int(sys.argv[1]);S=int(sys.argv[2]);k=int(sys.argv[3])
    net=Skip(8,1,ch,16,5,ch==128);x=torch.rand(1,8,S,S)*.1
    fcn=nn.Sequential(nn.Linear(200,1000),nn.ReLU6(),nn.Linear(1000,k*k),nn.Softmax(0));z=torch.rand(200)*.1
    y=torch.rand(1,1,S-k+1,S-k+1)
    opt=torch.optim.Adam([{'params':net.parameters()},{'params':fcn.parameters(),'lr':1e-4}],lr=1e-2)
    ts=[]
    for it in range(int(sys.argv[4])):
        t=time.time();opt.zero_grad();o=net(x+0.001*torch.randn_like(x));K=fcn(z).view(1,1,k,k);L=F.mse_loss(F.conv2d(o,K),y);L.backward();opt.step();ts.append(time.time()-t)
    ts.sort();print(ch,S,'params',sum(p.numel() for p in net.parameters()),'median',ts[len(ts)//2],'min',ts[0],'rss MB',resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024)
