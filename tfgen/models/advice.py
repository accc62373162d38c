"""Which model for which data: what `tfgen list` and tfgen/models/README.md say."""

from typing import NamedTuple


class Advice(NamedTuple):
    """Attributes: data: what the user has; models: names in the catalogue, the first first; reason: why."""

    data: str
    models: tuple
    reason: str


ADVICE = (
    Advice(
        "100 to 2,000 images of one kind",
        ("vae", "sngan"),
        "a VAE learns from few images within minutes, and blurs; an adversarial model needs some thousand "
        "updates, however few the images, and mirrored copies where left and right do not matter",
    ),
    Advice(
        "10,000 images or more without labels",
        ("dcgan", "ebgan", "sngan", "wgangp"),
        "after as many images EBGAN came nearest to Fashion-MNIST, DCGAN near it at half the cost; WGANGP "
        "learns most slowly and most steadily",
    ),
    Advice(
        "10,000 labelled images or more",
        ("projectiongan", "biggan", "cgan", "cvae"),
        "ProjectionGAN with discriminator_steps=1 drew the class that was asked for most often (98 % on "
        "MNIST); after as many core-seconds BigGAN came nearer to CIFAR-10, in colour; --truncation makes "
        "samples more typical; CVAE also classifies, and does not collapse",
    ),
    Advice(
        "data of many separate modes, of which a GAN may lose some",
        ("adagan",),
        "each new component learns what those before it left out; on stacked MNIST they had few more modes "
        "than one GAN or a plain ensemble of as many steps; for points, train one GAN longer",
    ),
    Advice(
        "images, and you want GANs that grow or are ranked by stages",
        ("progan", "lapgan", "gogan"),
        "ProGAN grows to 128x128; LAPGAN's small dense nets beat one dense GAN of as many minutes, not a "
        "convolutional one; GoGAN's third stage came nearer than WGAN, but not than its first stage for as "
        "long",
    ),
    Advice(
        "images, and you want ratios of densities",
        ("densityratiogan",),
        "its discriminator estimates p(data) / p(model); with the relative Pearson divergence, a = 0.5, it "
        "came nearly as near as f-GAN",
    ),
    Advice(
        "shapes in voxels",
        ("gan3d",),
        "it draws volumes, which turn in a .gif; features of its discriminator describe them to a linear "
        "classifier, hardly better than untrained ones",
    ),
    Advice(
        "energies on a grid, most of them 0, as jets and showers of particles",
        ("lagan", "calogan"),
        "LAGAN by class, of one grid; CaloGAN by the energy that is asked for, in three layers",
    ),
    Advice(
        "sentences, and what they mean in another language",
        ("csgan",),
        "it translates short ones, by likelihood and then by a reward; `tfgen translate RUN --text ...`; "
        "after some minutes of English captions in German the BLEU is 4.9 by likelihood and 5.1 by both",
    ),
    Advice(
        "tunes, as MIDI files",
        ("crnngan",),
        "it writes tunes tone by tone, which `tfgen sample RUN --to tune.mid` lets you hear",
    ),
    Advice(
        "pairs of an image and what it shall become",
        ("pix2pix",),
        "it learns from some hundred pairs, as maps and photos, and takes images of any size",
    ),
    Advice(
        "maps of what is where, photos of it, and how light or colourful these shall be",
        ("alcgan",),
        "labels=lightness,redness measures the photos, or give numbers in [0, 1] of yours; then `tfgen "
        "translate RUN layout.png --label 0.9,0.2` asks for them: of facades what was drawn correlated with "
        "what was asked by 0.95 and 0.83, while the seed changed little",
    ),
    Advice(
        "colour images, and you want grey ones coloured",
        ("pix2pix",),
        "with colour=lab it learns from the images alone, and colours grey ones of any size",
    ),
    Advice(
        "images with captions, from which words shall make images",
        ("gancls", "stackgan"),
        "GAN-CLS's discriminator knows a real image with another's caption; StackGAN's second stage makes "
        "larger images of its first's; tfgen sample RUN --text 'a red bird'; of GAN-CLS's emoji of new "
        "captions 34 % have theirs among the 10 nearest of 191, of real emoji 78 %",
    ),
    Advice(
        "images with captions, and boxes or points of what these name",
        ("gawwn",),
        "it draws what a text says in the box that you give, as tfgen sample RUN --text three --place "
        "0.1,0.2,0.5,0.5; of placed_digits, a data set to try it, 84 % were read as asked, and asked "
        "and drawn boxes overlapped by 0.88",
    ),
    Advice(
        "photographs in rain",
        ("idcgan",),
        "with rain=0.03 it learns from clear photographs, on which it draws rain itself",
    ),
    Advice(
        "pictures of which parts shall go into others",
        ("blendinggan",),
        "it learns from images alone; `tfgen latent blend` gives a part the light of what is around it",
    ),
    Advice(
        "pictures, and where people looked in them",
        ("salgan",),
        "it makes maps of where people will look in others",
    ),
    Advice(
        "two collections of images without pairs",
        ("cyclegan", "discogan", "dualgan"),
        "they translate from each to the other, and back; CycleGAN keeps shapes, DiscoGAN may change them, "
        "and DualGAN has several translations of an image, by the seed",
    ),
    Advice(
        "clips, and you want to know how they go on",
        ("framepredictor", "contextrnngan"),
        "they continue clips frame by frame, FramePredictor from the last four, ContextRNNGAN from all; "
        "`tfgen translate RUN clip.npz --steps 8` writes them; of moving digits FramePredictor's next frame "
        "has 17.8 dB and the last frame 13.6, while in films the last frame is hard to beat",
    ),
    Advice(
        "photographs that shall be four times as high and wide",
        ("srresnet", "srgan", "affgan"),
        "they make their small images themselves, and take any size, large ones in tiles; SRResNet has the "
        "least error, SRGAN, which goes on from it, is sharper; AffGAN's average to the input exactly",
    ),
    Advice(
        "images of several classes, of which few have labels",
        ("improvedgan", "catgan"),
        "with labelled=100 they learn from 100 labels and all images; of the classes, an average of the "
        "discriminator is asked",
    ),
    Advice(
        "labelled images, and unlabelled ones of the same classes in another look",
        ("cogan", "dtn"),
        "CoGAN draws pairs that show the same in both looks, and its classifier of the labelled images takes "
        "the others too; DTN translates the labelled images into the other look",
    ),
    Advice(
        "faces or other images with attributes",
        ("attribute2image", "icgan", "vaegan"),
        "the first two take attributes, and IcGAN says which a photo has; VAEGAN has codes to which vectors "
        "of attributes are added",
    ),
    Advice(
        "images, and you want codes to look into",
        ("vae", "vaegan", "infogan", "him"),
        "they encode and decode, for `tfgen latent`; VAEGAN is sharper than VAE; InfoGAN finds categories "
        "without labels; HIM's weights have a posterior, and its noise needs no density",
    ),
    Advice(
        "images, and you want likelihoods",
        ("pixelcnnplusplus", "gatedpixelcnn", "made"),
        "exact log p(x): in colour, of few levels, and of binary images in the least time",
    ),
    Advice(
        "images, and you look for the unusual among them",
        ("vae", "gaussianmixture", "dcgan"),
        "tfgen.metrics.outlier_scores: the squared error of a VAE found more of the held-out digits than "
        'likelihoods did; by="search" it asks a GAN, as AnoGAN does',
    ),
    Advice(
        "images to be cleaned of noise",
        ("denoisingautoencoder",),
        "it is trained on corrupted copies, and needs clean images to train",
    ),
    Advice(
        "an autoencoder that shall sample, or some thousand vectors",
        ("gaussianmixture", "autoencoder"),
        "a mixture of Gaussians is fitted in seconds; fit_density fits it to the codes of an autoencoder",
    ),
)
