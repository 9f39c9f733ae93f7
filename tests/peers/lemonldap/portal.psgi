# The portal of LemonLDAP::NG with its static files, configured by WORK/lemonldap-ng.ini.
use strict;
use warnings;
use Lemonldap::NG::Portal::Main;
use Plack::App::File;
use Plack::Builder;

# The portal loads a captcha module even when no page has a captcha, and its own needs ImageMagick
# for Perl; this one does nothing.
BEGIN {
    package NoCaptcha;
    use Mouse;
    extends 'Lemonldap::NG::Portal::Main::Plugin';
    sub init { 1 }
    $INC{'NoCaptcha.pm'} = __FILE__;
}

my $portal = Lemonldap::NG::Portal::Main->run(
    { configStorage => { confFile => "$ENV{WORK}/lemonldap-ng.ini" } }
);
my $static = '/usr/share/lemonldap-ng/portal/htdocs/static';

builder {
    mount '/static' => Plack::App::File->new( root => $static )->to_app;
    mount '/'       => $portal;
};
